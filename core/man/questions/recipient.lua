-- An address that moved, one that is gone, and one that nobody reads.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "branch" { hosts = { "10.1.0.5:25" } }
d.route { hop = "branch" }

local moved = { ["sales@hq.example"] = "sales@branch.example" }

d.on.recipient = function(q)
  local to = moved[q.recipient:lower()]
  if to then return d.accept { to = to, because = "moved" } end
  if q.recipient == "old@hq.example" then
    return d.refuse "550 5.1.6 old@hq.example is gone"
  end
  if q.recipient == "noreply@hq.example" then return d.discard() end
end
