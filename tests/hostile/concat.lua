-- concat: a table of texts that are large together
-- answer: 451 4.3.0
-- log: KiB of memory|ran longer than
return function()
  local t, s = {}, ("x"):rep(1000000)
  for i = 1, 1000 do t[i] = s end
  return table.concat(t)
end
