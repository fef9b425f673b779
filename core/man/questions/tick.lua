-- Once a minute: here it is only written down.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "branch" { hosts = { "10.1.0.5:25" } }
d.route { hop = "branch" }

d.on.tick = function(q)
  if q.now % 3600 < 60 then d.log "another hour" end
end
