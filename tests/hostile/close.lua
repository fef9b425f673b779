-- close: a variable whose closing never ends
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local x <close> = setmetatable({}, {
    __close = function() while true do end end })
  return x and nil
end
