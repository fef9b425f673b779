-- tables-pcall: memory that is not there, asked for again and again
-- answer: 451 4.3.0
-- log: KiB of memory|ran more than|ran longer than
return function()
  local t = {}
  pcall(function() while true do t[#t + 1] = {} end end)
  while true do pcall(string.rep, "x", 16000000) end
end
