-- loop-for: a loop over all integers there are
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  for _ = math.mininteger, math.maxinteger do end
end
