-- Each message says which way it came, and leaves without the inner trace.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "outside" { hosts = { "10.1.0.5:25" } }
d.route { hop = "outside" }

d.on.content = function(q)
  if q:header("Subject") == "" then
    return d.refuse "550 5.6.0 a message needs a subject here"
  end
  if q:header("Content-Type"):find("macro", 1, true) then
    return d.hold { because = "may hold macros" } -- dragoman queue release
  end
  return d.accept {
    remove = { "X-Originating-IP" },
    add = { "X-Relay: " .. q.peer .. ", " .. q.bytes .. " bytes" },
  }
end
