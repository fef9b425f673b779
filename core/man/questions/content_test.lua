-- content_test: a header field put in, one taken out, a message refused
local t = require "dragoman.test"

t.case("fields come and go, and the body stays", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO pc"
  c:mail { from = "a@b.example", to = "x@y.example",
    body = "Subject: s\nX-Originating-IP: 10.0.0.5\n\n.dot and all\n" }
  local body = s:hop("outside"):received()[1].body
  t.lacks(body, "X-Originating-IP")
  t.match(body, "X%-Relay: people, %d+ bytes")
  t.contains(body, ".dot and all")
end)

t.case("no subject, no delivery", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO pc"
  c:mail { from = "a@b.example", to = "x@y.example", body = "X: y\n\nhello",
    expect = "550 5.6.0" }
end)

t.case("what may hold macros waits for a person", function(s)
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "x@y.example",
    body = "Subject: s\nContent-Type: application/x-macro\n\nhello" }
  s:advance "6d"
  t.equal(#s.queue, 1)
  t.equal(s.queue[1].reply, "held by the policy")
  t.equal(#s:hop("outside"):received(), 0)
end)
