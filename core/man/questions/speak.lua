-- A cluster whose old half takes XAUTH: what its EHLO shows tells which it is.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "cluster" {
  hosts = { "10.1.0.5:25" }, login = { "NTLM", secret = "cluster" },
}
d.route { hop = "cluster" }

d.on.speak = function(q)
  if q.offered:find("X-OLD", 1, true) then
    return d.use { verb = "XAUTH", mechanism = "NTLM" }
  end
end
