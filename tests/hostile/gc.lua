-- gc: a finalizer that never ends
-- answer: 451 4.3.0
-- log: policies have no __gc
return function()
  setmetatable({}, { __gc = function() while true do end end })
end
