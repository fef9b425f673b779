-- pairs: pairs without end
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  for _ in pairs(setmetatable({}, {
    __pairs = function() return function() return 1 end end })) do end
end
