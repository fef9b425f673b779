-- gsub-slow: gsub with a function that never ends
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  return (("x"):rep(1000)):gsub(".", function() while true do end end)
end
