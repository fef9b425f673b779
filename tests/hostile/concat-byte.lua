-- concat-byte: a text made byte by byte
-- answer: 451 4.3.0
-- log: ran more than|ran longer than|KiB of memory
return function()
  local s = ""
  while true do s = s .. "x" end
end
