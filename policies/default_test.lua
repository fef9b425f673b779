-- default_test: a relay without a policy is nobody's relay
local t = require "dragoman.test"

t.case("whoever comes is greeted, and refused at MAIL", function(s)
  local c = s:client { from = "203.0.113.9" }
  c:hears "220"
  c:says "EHLO stranger.example"
  c:offered { lacks = { "AUTH", "XAUTH" } }
  c:says "MAIL FROM:<a@b.example>"
  c:hears "550 5.7.1"
end)
