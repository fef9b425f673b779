-- rep: a text of a gigabyte
-- answer: 451 4.3.0
-- log: rep would make more than 16 MiB
return function()
  return ("x"):rep(1 << 30)
end
