-- wrong-hop: decisions under false names
-- answer: 451 4.3.0
-- log: protected metatable|table expected
local d = require "dragoman"
return function()
  return setmetatable(d.accept {}, {})
end
