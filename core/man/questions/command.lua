-- A program says a verb of its own before each message; it hangs nothing on it.
local d = require "dragoman"

d.peer "app" { match = { address = "10.9.0.0/24" } }

d.on.command = function(q)
  if q.verb == "XCLIENTINFO" then return d.use { verb = "NOOP" } end
  if q.verb == "ETRN" then return d.refuse "459 4.2.0 nothing waits here" end
end
