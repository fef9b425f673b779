-- loop-pcall: a loop that takes each error
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  while true do
    pcall(function() while true do end end)
  end
end
