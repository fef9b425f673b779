-- format-tostring: format of what has no end
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  return ("%s"):format(setmetatable({}, {
    __tostring = function() while true do end end }))
end
