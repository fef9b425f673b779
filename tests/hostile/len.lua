-- len: a length without end
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  return #setmetatable({}, { __len = function() while true do end end })
end
