-- sort-order: sorting by no order at all
-- answer: 451 4.3.0
-- log: invalid order function|ran more than|ran longer than
return function()
  local t = {}
  for i = 1, 5000 do t[i] = i % 7 end
  while true do
    table.sort(t, function() return true end)
  end
end
