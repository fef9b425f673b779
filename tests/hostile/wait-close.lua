-- wait-close: a wait while variables are closed
-- answer: 451 4.3.0
-- log: waited longer than|no answer
local d = require "dragoman"
return function()
  local x <close> = setmetatable({}, {
    __close = function() while true do pcall(d.dns.a, "x.example") end end })
  return x and d.dns.a("y.example") and nil
end
