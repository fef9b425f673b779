-- loop: an endless loop
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  while true do end
end
