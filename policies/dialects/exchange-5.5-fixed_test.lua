-- exchange-5.5-fixed_test: from build 5.5.2394.0 both verbs (KB Q195201)
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "either" {
  match = { address = "10.1.0.5" }, dialect = "exchange-5.5-fixed",
  auth = { users = "ims" },
}
-- One who is shown nothing: what it says is taken all the same, or not.
d.peer "blind" {
  match = { address = "10.1.0.6" }, dialect = "exchange-5.5-fixed",
  auth = { users = "ims" },
  on = { offer = function() return d.offer { lines = {} } end },
}
d.hop "fixed" {
  hosts = { "10.1.0.5:25" }, dialect = "exchange-5.5-fixed", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.route { hop = "fixed" }

t.case("a peer that may be either is shown both verbs", function(s)
  local c = s:client { from = "10.1.0.5" }
  c:says "EHLO ims.example"
  c:offered { has = { "AUTH NTLM", "XAUTH NTLM", "XAUTH=NTLM" } }
end)

t.case("either verb gets in", function(s)
  s:users("ims", { svc = "secret-1" })
  for _, verb in ipairs { "AUTH", "XAUTH" } do
    local c = s:client { from = "10.1.0.5" }
    c:says "EHLO ims.example"
    c:ntlm { verb = verb, user = "svc", password = "secret-1", level = "v1" }
  end
end)

t.case("either verb gets in without being shown", function(s)
  s:users("ims", { svc = "secret-1" })
  for _, verb in ipairs { "AUTH", "XAUTH" } do
    local c = s:client { from = "10.1.0.6" }
    c:says "EHLO ims.example"
    c:offered { lacks = { "AUTH", "XAUTH" } }
    c:ntlm { verb = verb, user = "svc", password = "secret-1", level = "v1" }
  end
end)

t.case("as a server it is asked in AUTH, and in XAUTH if that fails",
  function(s)
    s:users("ims", { svc = "secret-1" })
    local hop = s:hop("fixed")
    hop:script { takes = { XAUTH = true } }
    s:accept { client = "10.1.0.5", from = "a@b.example", to = "c@d.example",
      user = "svc", password = "secret-1" }
    hop:expects { verb = "XAUTH", mechanism = "NTLM" }
    t.equal(hop:verbs(), "AUTH XAUTH")
  end)

t.case("as a server that shows both it is asked in AUTH", function(s)
  s:users("ims", { svc = "secret-1" })
  local hop = s:hop("fixed")
  hop:script { ehlo = { "XAUTH NTLM", "AUTH NTLM" } }
  s:accept { client = "10.1.0.5", from = "a@b.example", to = "c@d.example",
    user = "svc", password = "secret-1" }
  t.equal(hop:verbs(), "AUTH")
end)
