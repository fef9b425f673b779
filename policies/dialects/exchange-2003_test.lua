-- exchange-2003_test: the same mechanisms under two verbs
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "exchange" {
  match = { address = "10.0.0.5" }, dialect = "exchange-2003",
  auth = { users = "servers" },
}
d.hop "exchange" {
  hosts = { "10.1.0.5:25" }, dialect = "exchange-2003", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.route { hop = "exchange" }

local EHLO = { "TURN", "SIZE", "ETRN", "PIPELINING", "DSN",
  "ENHANCEDSTATUSCODES", "8bitmime", "BINARYMIME", "CHUNKING", "VRFY",
  "X-EXPS GSSAPI NTLM LOGIN", "X-EXPS=LOGIN", "AUTH GSSAPI NTLM LOGIN",
  "AUTH=LOGIN", "X-LINK2STATE", "XEXCH50", "OK" }

-- Accounts are said once a case, before the first client.
local function known(s) s:users("servers", { svc = "secret-1" }) end

local function greeted(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO ex2003.example"
  return c
end

local function send(s, script)
  s:hop("exchange"):script(script)
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "c@d.example",
    user = "svc", password = "secret-1" }
  s:settle()
  return s:hop("exchange")
end

t.case("it is shown AUTH in both spellings, and nothing of its own",
  function(s)
    known(s)
    greeted(s):offered { has = { "AUTH NTLM LOGIN", "AUTH=LOGIN" },
      lacks = { "X-EXPS", "XEXCH50", "X-LINK2STATE" } }
  end)

t.case("what is not shown is not known either", function(s)
  known(s)
  local c = greeted(s)
  for _, line in ipairs { "XEXCH50 1024 2", "X-LINK2STATE FIRST CHUNK={0}" } do
    c:says(line)
    c:hears "500"
  end
end)

t.case("it gets in by AUTH and by X-EXPS, at the levels of its age",
  function(s)
    known(s)
    for _, verb in ipairs { "AUTH", "X-EXPS" } do
      for _, level in ipairs { "v2", "ntlm2" } do
        local c = greeted(s)
        c:ntlm { verb = verb, user = "svc", password = "secret-1",
          level = level }
        c:hears "235 2.7.0 Authentication successful."
      end
    end
  end)

t.case("not with an answer of the age before", function(s)
  known(s)
  local c = greeted(s)
  c:ntlm { user = "svc", password = "secret-1", level = "v1",
    expect = "535 5.7.8 Authentication unsuccessful." }
end)

t.case("LOGIN gets in, and a bare NTLM is answered in words", function(s)
  known(s)
  greeted(s):auth_login { user = "svc", password = "secret-1" }
  local c = greeted(s)
  c:says "AUTH NTLM"
  c:hears "334 ntlm supported"
end)

t.case("as a server it is asked in AUTH, and keeps its own verbs", function(s)
  known(s)
  local hop = send(s, { ehlo = EHLO })
  hop:expects { verb = "AUTH", mechanism = "NTLM" }
  t.equal(hop:verbs(), "AUTH")
  t.lacks(hop:transcript(), "C: XEXCH50")
  t.lacks(hop:transcript(), "C: X-LINK2STATE")
  t.equal(#hop:received(), 1)
end)

t.case("where X-EXPS alone is shown it is said", function(s)
  known(s)
  local hop = send(s, { ehlo = { "X-EXPS GSSAPI NTLM" } })
  hop:expects { verb = "X-EXPS", mechanism = "NTLM" }
  t.equal(hop:verbs(), "X-EXPS")
end)

t.case("a server is logged in to at each level of its age", function(s)
  known(s)
  for level, strength in pairs { ntlm2 = "NTLM2", v2 = "NTLMv2" } do
    local hop = send(s, { ehlo = EHLO, ntlm = level })
    t.equal(hop.logins[#hop.logins].ok, true)
    t.equal(hop.logins[#hop.logins].strength, strength)
    s:advance "2h"
  end
end)

t.case("v1 is sent to none of them", function(s)
  known(s)
  local hop = send(s, { ehlo = EHLO, ntlm = "v1" })
  t.equal(#hop:received(), 0)
  t.equal(hop.logins[1].ok, false)
end)

t.case("a refused login is kept, as is one that is not known", function(s)
  known(s)
  local hop = send(s, { ehlo = EHLO,
    ["535"] = "535 5.7.3 Authentication unsuccessful.",
    ["235"] = "535 5.7.3 Authentication unsuccessful." })
  t.equal(#hop:received(), 0)
  t.equal(s.queue[1].meaning, "login-refused")
end)

t.case("an authentication type that is not recognized is none in common",
  function(s)
    known(s)
    send(s, { ehlo = EHLO, AUTH = "504 5.7.4 Unrecognized authentication type",
      ["X-EXPS"] = "504 5.7.4 Unrecognized authentication type" })
    t.equal(s.queue[1].meaning, "no-common-auth")
  end)

t.case("a server that does not relay for us says so", function(s)
  known(s)
  send(s, { ehlo = EHLO, RCPT = function(_, to)
    if to == "c@d.example" then return "550 5.7.1 Unable to relay" end
  end })
  t.equal(s:report().meaning, "relaying-denied")
end)
