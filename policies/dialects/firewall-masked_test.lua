-- firewall-masked_test: plain SMTP through a firewall that masks the rest
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "behind" {
  match = { address = "10.0.0.5" }, dialect = "firewall-masked",
  auth = { users = "servers", required = false },
}
d.hop "masked" {
  hosts = { "10.1.0.5:25" }, dialect = "firewall-masked",
  tls = "opportunistic",
}
-- The same firewall, not known to be one.
d.hop "unknown" { hosts = { "10.1.0.6:25" }, tls = "opportunistic" }
d.hop "strict" { hosts = { "10.1.0.7:25" }, tls = "require" }
d.route { to = "unknown.example", hop = "unknown" }
d.route { to = "strict.example", hop = "strict" }
d.route { hop = "masked" }

local ASA = { "SIZE 10240000", "8BITMIME", "XXXXXXXA", "XXXXXXXXXXXXXXXXXXXB",
  "XXXXXXXC" }
local STARS = "220 *************************0*2******0***********************"

t.case("a peer behind one is shown nothing that would be masked", function(s)
  s:users("servers", { svc = "secret-1" })
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO behind.example"
  c:offered { has = { "8BITMIME" },
    lacks = { "AUTH", "STARTTLS", "PIPELINING" } }
end)

t.case("its masked EHLO is no command, and HELO is heard", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "XXXX behind.example"
  c:hears "500"
  c:says "HELO behind.example"
  c:mail { from = "a@b.example", to = "c@d.example" }
  t.equal(#s:hop("masked"):received(), 1)
end)

t.case("a hop behind one is never asked for more than HELO", function(s)
  s:hop("masked"):script { greeting = STARS, ehlo = ASA }
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "c@d.example" }
  t.equal(#s:hop("masked"):received(), 1)
  local said = s:hop("masked"):transcript()
  t.contains(said, "C: HELO ")
  t.lacks(said, "C: EHLO")
  t.lacks(said, "SIZE=")
end)

t.case("one that is not known is seen through: EHLO refused", function(s)
  s:hop("unknown"):script { greeting = STARS,
    EHLO = "500 Unrecognized command" }
  s:accept { client = "10.0.0.5", from = "a@b.example",
    to = "c@unknown.example" }
  t.equal(#s:hop("unknown"):received(), 1)
  t.contains(s:hop("unknown"):transcript(), "C: HELO ")
end)

t.case("one that is not known is seen through: masked words", function(s)
  s:hop("unknown"):script { greeting = STARS, ehlo = ASA }
  s:accept { client = "10.0.0.5", from = "a@b.example",
    to = "c@unknown.example" }
  t.equal(#s:hop("unknown"):received(), 1)
  t.lacks(s:hop("unknown"):transcript(), "C: STARTTLS")
end)

t.case("what must be encrypted is held, and the masked words are told",
  function(s)
    s:hop("strict"):script { greeting = STARS, ehlo = ASA }
    s:accept { client = "10.0.0.5", from = "a@b.example",
      to = "c@strict.example" }
    s:settle()
    t.equal(#s:hop("strict"):received(), 0)
    t.equal(s.queue[1].meaning, "tls-failed")
    t.contains(s.queue[1].reply, "XXXXXXXA")
  end)
