-- exchange-5.5_test: what KB Q195201 and Q262945 say the two sides do
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "branch" {
  match = { address = "10.1.0.5" }, dialect = "exchange-5.5",
  auth = { users = "ims" },
}
-- One who is shown nothing: what it says is taken all the same, or not.
d.peer "blind" {
  match = { address = "10.1.0.6" }, dialect = "exchange-5.5",
  auth = { users = "ims" },
  on = { offer = function() return d.offer { lines = {} } end },
}
d.hop "branch" {
  hosts = { "10.1.0.5:25" }, dialect = "exchange-5.5", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.route { hop = "branch" }

local function arrive(s)
  s:accept { client = "10.1.0.5", from = "a@branch.example",
    to = "c@branch.example", user = "svc", password = "secret-1" }
end

t.case("it is shown AUTH NTLM, and no XAUTH", function(s)
  local c = s:client { from = "10.1.0.5" }
  c:hears "220"
  c:says "EHLO ims55.example"
  c:offered { has = { "AUTH NTLM" }, lacks = { "XAUTH", "STARTTLS",
    "PIPELINING", "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8" } }
end)

t.case("AUTH NTLM gets in at each level, after EHLO or HELO", function(s)
  s:users("ims", { svc = "secret-1" })
  for _, hello in ipairs { "EHLO", "HELO" } do
    for _, level in ipairs { "v1", "ntlm2", "v2" } do
      local c = s:client { from = "10.1.0.5" }
      c:says(hello .. " ims55.example")
      c:ntlm { user = "svc", password = "secret-1", level = level }
      c:hears "235 NTLM authentication successful"
    end
  end
end)

t.case("AUTH NTLM gets in without being shown (Q262945)", function(s)
  s:users("ims", { svc = "secret-1" })
  local c = s:client { from = "10.1.0.6" }
  c:says "EHLO ims55.example"
  c:offered { lacks = { "AUTH" } }
  c:ntlm { user = "svc", password = "secret-1", level = "v1" }
end)

t.case("XAUTH is no verb of it", function(s)
  s:users("ims", { svc = "secret-1" })
  local c = s:client { from = "10.1.0.5" }
  c:says "EHLO ims55.example"
  c:says "XAUTH NTLM"
  c:hears "500"
end)

t.case("a server that shows LOGIN alone is asked for NTLM (Q262945)",
  function(s)
    s:users("ims", { svc = "secret-1" })
    local hop = s:hop("branch")
    hop:script { ehlo = { "XEXCH50", "HELP", "ETRN", "DSN", "SIZE 0",
      "AUTH LOGIN", "AUTH=LOGIN" } }
    arrive(s)
    hop:expects { verb = "AUTH", mechanism = "NTLM" }
    t.equal(hop:verbs(), "AUTH")
    t.match(hop.logins[1].initial, "^TlRMTVNTUAAB")
    t.equal(#hop:received(), 1)
  end)

t.case("500 and 502 to AUTH lead to XAUTH", function(s)
  s:users("ims", { svc = "secret-1" })
  for _, code in ipairs { "500", "502" } do
    local hop = s:hop("branch")
    hop:script { takes = { XAUTH = true },
      unknown = code .. " command not recognized" }
    arrive(s)
    hop:expects { verb = "XAUTH", mechanism = "NTLM" }
    t.match(hop:verbs(), "^AUTH XAUTH")
    s:advance "2h"
  end
end)

t.case("it is greeted with EHLO, and logged in to at each level of its age",
  function(s)
    s:users("ims", { svc = "secret-1" })
    local hop = s:hop("branch")
    for level, strength in pairs { v1 = "NTLMv1", ntlm2 = "NTLM2",
      v2 = "NTLMv2" } do
      hop:script { ntlm = level }
      arrive(s)
      hop:expects { verb = "AUTH", mechanism = "NTLM" }
      t.equal(hop.logins[#hop.logins].strength, strength)
      s:advance "2h" -- the connection is given up
    end
    t.contains(hop:transcript(), "C: EHLO")
    t.lacks(hop:transcript(), "C: HELO")
  end)
