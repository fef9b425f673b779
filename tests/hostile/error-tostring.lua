-- error-tostring: an error that never says what it is
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  error(setmetatable({}, { __tostring = function() while true do end end }))
end
