-- sort-large: sorting a million
-- answer: 451 4.3.0
-- log: table.sort of more than|ran more than|ran longer than
return function()
  local t = {}
  for i = 1, 1000000 do t[i] = -i end
  table.sort(t)
end
