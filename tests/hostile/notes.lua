-- notes: notes without end
-- answer: 451 4.3.0
-- log: no room left
return function(q)
  for i = 1, 1e9 do q:note("k" .. i, ("x"):rep(100)) end
end
