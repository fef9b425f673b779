-- An old client that stumbles over long EHLO answers is shown a short one.
local d = require "dragoman"

d.peer "old" { match = { address = "10.9.0.0/24" } }

d.on.offer = function(q)
  if q.helo:find("^COPIER") then
    return d.offer { hide = { "PIPELINING", "8BITMIME", "SIZE" } }
  end
end
