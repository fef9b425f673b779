-- exchange-5.0_test: what KB Q195201 says the two sides do
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "hq" {
  match = { address = "10.0.0.5" }, dialect = "exchange-5.0",
  auth = { users = "ims" },
}
d.hop "hq" {
  hosts = { "10.0.0.5:25" }, dialect = "exchange-5.0", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.route { hop = "hq" }

local function arrive(s)
  s:accept { from = "a@b.example", to = "c@hq.example", user = "svc",
    password = "secret-1", verb = "XAUTH" }
end

t.case("it is shown XAUTH in both spellings, and no AUTH", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:hears "220"
  c:says "EHLO ims50.example"
  c:offered { has = { "XAUTH NTLM", "XAUTH=NTLM" }, lacks = { "AUTH" } }
end)

t.case("what it cannot do is hidden", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO ims50.example"
  c:offered { lacks = { "STARTTLS", "PIPELINING", "ENHANCEDSTATUSCODES",
    "CHUNKING", "SMTPUTF8" } }
  c:says "NONSENSE"
  t.lacks(c:hears "500", "5.5") -- and so no enhanced status
end)

t.case("XAUTH gets in at each level of its age, and is told so in its words",
  function(s)
    s:users("ims", { svc = "secret-1" })
    for _, level in ipairs { "v1", "ntlm2", "v2" } do
      local c = s:client { from = "10.0.0.5" }
      c:says "EHLO ims50.example"
      c:ntlm { verb = "XAUTH", user = "svc", password = "secret-1",
        level = level }
      c:hears "235 NTLM authentication successful"
    end
  end)

t.case("XAUTH=NTLM is a spelling too, and AUTH is taken", function(s)
  s:users("ims", { svc = "secret-1" })
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO ims50.example"
  c:ntlm { verb = "XAUTH", equals = true, user = "svc",
    password = "secret-1" }
  c = s:client { from = "10.0.0.5" }
  c:says "EHLO ims50.example"
  c:ntlm { verb = "AUTH", user = "svc", password = "secret-1" }
end)

t.case("after HELO it may log in as well", function(s)
  s:users("ims", { svc = "secret-1" })
  local c = s:client { from = "10.0.0.5" }
  c:says "HELO ims50.example"
  c:ntlm { verb = "XAUTH", user = "svc", password = "secret-1" }
end)

t.case("a 5.0 server is spoken to in XAUTH, type 1 on the line", function(s)
  s:users("ims", { svc = "secret-1" })
  s:hop("hq"):script { ehlo = { "XAUTH NTLM" } }
  arrive(s)
  s:hop("hq"):expects { verb = "XAUTH", mechanism = "NTLM" }
  t.equal(s:hop("hq"):verbs(), "XAUTH")
  t.match(s:hop("hq").logins[1].initial, "^TlRMTVNTUAAB")
end)

t.case("it is greeted with EHLO, and logged in to at each level of its age",
  function(s)
    s:users("ims", { svc = "secret-1" })
    local hop = s:hop("hq")
    for level, strength in pairs { v1 = "NTLMv1", ntlm2 = "NTLM2",
      v2 = "NTLMv2" } do
      hop:script { ehlo = { "XAUTH NTLM" }, ntlm = level }
      arrive(s)
      hop:expects { verb = "XAUTH", mechanism = "NTLM" }
      t.equal(hop.logins[#hop.logins].strength, strength)
      s:advance "2h" -- the connection is given up
    end
    t.contains(hop:transcript(), "C: EHLO")
    t.lacks(hop:transcript(), "C: HELO")
  end)

t.case("NTLM is assumed where a server lists LOGIN only", function(s)
  s:users("ims", { svc = "secret-1" })
  s:hop("hq"):script { ehlo = { "XAUTH LOGIN" } }
  arrive(s)
  s:hop("hq"):expects { verb = "XAUTH", mechanism = "NTLM" }
end)

t.case("a server that says 500 or 502 to XAUTH is asked in AUTH", function(s)
  s:users("ims", { svc = "secret-1" })
  for _, code in ipairs { "500", "502" } do
    local hop = s:hop("hq")
    hop:script { ehlo = { "SIZE" }, takes = { AUTH = true },
      unknown = code .. " command not recognized" }
    arrive(s)
    hop:expects { verb = "AUTH", mechanism = "NTLM" }
    t.match(hop:verbs(), "^XAUTH AUTH")
    s:advance "2h" -- what was learnt is forgotten
  end
end)
