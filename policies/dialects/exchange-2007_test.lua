-- exchange-2007_test: what differs from exchange-2003
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "exchange" {
  match = { address = "10.0.0.5" }, dialect = "exchange-2007",
  auth = { users = "servers" },
}
d.hop "exchange" {
  hosts = { "10.1.0.5:25" }, dialect = "exchange-2007", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.route { hop = "exchange" }

local EHLO = { "SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES",
  "X-ANONYMOUSTLS", "AUTH NTLM", "X-EXPS GSSAPI NTLM", "8BITMIME",
  "BINARYMIME", "CHUNKING", "XRDST" }

local function greeted(s)
  s:users("servers", { svc = "secret-1" })
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO ex2016.example"
  return c
end

local function send(s, script)
  s:users("servers", { svc = "secret-1" })
  script.ehlo = script.ehlo or EHLO
  s:hop("exchange"):script(script)
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "c@d.example",
    user = "svc", password = "secret-1" }
  s:settle()
  return s:hop("exchange")
end

-- The first time; what comes after, as a report does, is taken.
local function once(reply)
  local n = 0
  return function()
    n = n + 1
    if n == 1 then return reply end
  end
end

local function says(name, key, reply, want)
  t.case(name, function(s)
    send(s, { [key] = once(reply) })
    t.equal(s.queue[1] and s.queue[1].meaning or s:report().meaning, want)
  end)
end

t.case("it is shown what exchange-2003 is, and gets in by NTLMv2", function(s)
  local c = greeted(s)
  c:offered { has = { "AUTH NTLM LOGIN", "AUTH=LOGIN" }, lacks = { "X-EXPS",
    "XEXCH50", "X-ANONYMOUSTLS", "XRDST", "XSHADOW" } }
  c:ntlm { verb = "X-EXPS", user = "svc", password = "secret-1" }
  c:hears "235 2.7.0 Authentication successful."
end)

t.case("it is not believed anything older", function(s)
  greeted(s):ntlm { user = "svc", password = "secret-1", level = "ntlm2",
    expect = "535" }
end)

t.case("a bare NTLM is answered in capitals", function(s)
  local c = greeted(s)
  c:says "AUTH NTLM"
  c:hears "334 NTLM supported"
end)

t.case("as a server it is logged in to by NTLMv2", function(s)
  local hop = send(s, {})
  hop:expects { verb = "AUTH", mechanism = "NTLM" }
  t.equal(hop.logins[1].strength, "NTLMv2")
end)

t.case("and gets nothing older", function(s)
  t.equal(#send(s, { ntlm = "ntlm2" }):received(), 0)
end)

t.case("a connector that does not know AUTH is asked in X-EXPS", function(s)
  local hop = send(s, { AUTH = "500 5.3.3 Unrecognized command" })
  hop:expects { verb = "X-EXPS", mechanism = "NTLM" }
  t.equal(hop:verbs(), "AUTH X-EXPS")
end)

says("a login is missing", "MAIL",
  "530 5.7.57 SMTP; Client was not authenticated", "no-common-auth")
says("a login is missing, in older words", "MAIL",
  "530 5.7.1 Client was not authenticated", "no-common-auth")
says("it does not relay for us", "RCPT",
  "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
  "relaying-denied")
says("the sender is another's", "END",
  "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
  "sender-refused")
says("it is short of disk or memory, told at MAIL", "MAIL",
  "452 4.3.1 Insufficient system resources", "slow-down")
says("it is short of disk or memory, told at the end", "END",
  "452 4.3.1 Insufficient system resources", "slow-down")
