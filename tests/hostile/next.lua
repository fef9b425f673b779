-- next: the first of a table that was full once
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local t = {}
  for i = 1, 2000000 do t[i] = i end
  for i = 1, 2000000 do t[i] = nil end
  while true do next(t) end
end
