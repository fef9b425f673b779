-- metamethods: an index that leads to itself
-- answer: 451 4.3.0
-- log: loop|overflow|ran more than|ran longer than
return function()
  local t = {}
  setmetatable(t, { __index = function(_, k) return t[k .. "x"] end })
  return t.x
end
