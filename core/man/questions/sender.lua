-- Devices say anything as their sender; the host outside takes one address.
local d = require "dragoman"

d.peer "scanners" { match = { address = "10.9.0.0/24" } }
d.hop "outside" { hosts = { "10.0.0.5:25" } }
d.route { hop = "outside" }

d.on.sender = function(q)
  if q.sender == "" then return d.refuse "550 5.7.1 no reports from here" end
  return d.accept { rewrite_from = "scans@example.com", reply_to = "sender" }
end
