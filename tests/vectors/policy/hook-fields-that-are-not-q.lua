local d = require "dragoman"
local function size_of(q) return q.bytes end
d.on.recipient = function(q)
  local t = { q = { anything = 1 } }
  for _, q in ipairs { { more = 1 } } do t.more = q.more end
  return size_of { bytes = t.q.anything } > 5 and d.refuse "550 5.7.1 no" or nil
end
d.on.connect = function(q)
  q = { anything = 1 }
  return q.anything > 5 and d.close() or nil
end
d.on.offer = function(...)
  local q = ...
  return q.nothing and d.offer {} or nil
end
d.route { refuse = "550 5.7.1 no" }
