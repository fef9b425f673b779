-- close-spent: the same, once all is spent
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local x <close> = setmetatable({}, {
    __close = function() while true do pcall(error) end end })
  while x do end
end
