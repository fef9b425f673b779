-- pack: a packed gigabyte
-- answer: 451 4.3.0
-- log: KiB of memory|ran longer than
return function()
  return string.pack("c1000000000", "")
end
