-- scanner-relay_test: who gets in, in which words, and what never goes out
--
-- That it comes through, encrypted and logged in, is seen by
-- tests/e2e/test_scanner_relay.py: the language of these tests speaks no TLS.
local t = require "dragoman.test"

local SCANNER, SILENT = "10.9.0.5", "10.9.1.17"

local function known(s) s:users("scanners", { ["scan-2"] = "secret-1" }) end

t.case("a scanner says HELO, logs in by LOGIN, and is taken", function(s)
  known(s)
  local c = s:client { from = SCANNER }
  c:says "HELO scan-2"
  c:auth_login { user = "scan-2", password = "secret-1" }
  c:mail { from = "floor2@copier.local", to = "ann@hq.example" }
end)

t.case("the oldest look for AUTH=LOGIN", function(s)
  known(s)
  local c = s:client { from = SCANNER }
  c:says "EHLO scan-2"
  c:offered { has = { "AUTH LOGIN PLAIN", "AUTH=LOGIN" } }
  c:says "AUTH NTLM"
  c:hears "504"
end)

t.case("PLAIN is taken, too", function(s)
  known(s)
  local c = s:client { from = SCANNER }
  c:says "EHLO scan-2"
  c:plain { user = "scan-2", password = "secret-1" }
end)

t.case("one that can log in must, and with the right password", function(s)
  known(s)
  local c = s:client { from = SCANNER }
  c:says "HELO scan-2"
  c:says "MAIL FROM:<floor2@copier.local>"
  c:hears "530"
  c:auth_login { user = "scan-2", password = "guessed", expect = "535" }
end)

t.case("one that cannot is known by its address", function(s)
  known(s)
  local c = s:client { from = SILENT }
  c:says "HELO copier"
  c:says "MAIL FROM: floor3@copier.local"
  c:hears "250"
  c:says "RCPT TO: ann@hq.example"
  c:hears "250"
end)

t.case("it may log in all the same, if it learns to", function(s)
  known(s)
  for _, how in ipairs { "auth_login", "plain" } do
    local c = s:client { from = SILENT }
    c:says "EHLO copier"
    c[how](c, { user = "scan-2", password = "secret-1" })
  end
end)

t.case("its neighbour is nobody", function(s)
  for _, address in ipairs { "10.9.1.19", "203.0.113.9" } do
    local c = s:client { from = address }
    c:says "HELO copier"
    c:says "MAIL FROM:<floor3@copier.local>"
    c:hears "550 this host relays only for peers that its policy names"
  end
end)

t.case("no scanner sends a report", function(s)
  local c = s:client { from = SILENT }
  c:says "HELO copier"
  c:says "MAIL FROM:<>"
  c:hears "550 scanners send no reports"
end)

t.case("a host that cannot encrypt gets nothing, and nothing is lost",
  function(s)
    local hop = s:hop("submission")
    hop:script { ehlo = { "AUTH PLAIN LOGIN" } }
    local c = s:client { from = SILENT }
    c:says "HELO copier"
    c:mail { from = "floor3@copier.local", to = "ann@hq.example" }
    s:settle()
    t.equal(#hop.logins, 0)
    t.lacks(hop:transcript(), "C: MAIL")
    t.equal(s.queue[1].to, "ann@hq.example")
    t.equal(s.queue[1].meaning, "tls-failed")
  end)
