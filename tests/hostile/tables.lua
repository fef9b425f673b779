-- tables: many small tables
-- answer: 451 4.3.0
-- log: KiB of memory|ran more than|ran longer than
return function()
  local t = {}
  while true do t[#t + 1] = { {}, {} } end
end
