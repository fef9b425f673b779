-- rawset: other fields in q and d
-- answer: 451 4.3.0
-- log: table expected|nil value
local d = require "dragoman"
return function(q)
  rawset(q, "recipient", nil)
  rawset(q, "note", error)
  rawset(d.accept {}, "kind", "refuse")
end
