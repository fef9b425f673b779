-- default_test: a relay without a policy is nobody's relay
local d = require "dragoman"
local t = require "dragoman.test"

-- Not of that policy: somebody whom it would know.
d.peer "known" { match = { address = "10.0.0.5" } }

t.case("whoever comes is greeted, and refused at MAIL", function(s)
  local c = s:client { from = "203.0.113.9" }
  c:hears "220"
  c:says "EHLO stranger.example"
  c:offered { lacks = { "AUTH", "XAUTH" } }
  c:says "MAIL FROM:<a@b.example>"
  c:hears "550 5.7.1"
end)

t.case("nor would one who is known have anywhere to send to", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO known.example"
  c:says "MAIL FROM:<a@b.example>"
  c:hears "250"
  c:says "RCPT TO:<c@d.example>"
  c:hears "550 5.7.1 this relay has no policy yet"
end)
