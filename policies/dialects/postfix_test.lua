-- postfix_test: what its replies amount to
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "office" { match = { address = "10.0.0.0/24" } }
d.hop "postfix" {
  hosts = { "10.1.0.5:587" }, dialect = "postfix", tls = "never",
  login = { "PLAIN", secret = "relay" },
}
d.route { hop = "postfix" }

-- The first time; what comes after, as a report does, is taken.
local function once(reply)
  local n = 0
  return function()
    n = n + 1
    if n == 1 then return reply end
  end
end

local function send(s, key, reply)
  s:hop("postfix"):script { ehlo = { "PIPELINING", "SIZE 10240000", "ETRN",
    "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME",
    "DSN", "CHUNKING" }, [key] = once(reply) }
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "c@d.example" }
  s:settle()
end

-- One reply a case: a hop that is held would not ask again.
local function says(name, key, reply, want)
  t.case(name, function(s)
    send(s, key, reply)
    t.equal(s.queue[1] and s.queue[1].meaning or s:report().meaning, want)
  end)
end

t.case("of two spellings AUTH is said, once", function(s)
  send(s, "END", "250 2.0.0 Ok: queued as 4XyZ")
  s:hop("postfix"):expects { verb = "AUTH", mechanism = "PLAIN" }
  t.equal(s:hop("postfix"):verbs(), "AUTH")
end)

says("a wrong password", "235",
  "535 5.7.8 Error: authentication failed: authentication failure",
  "login-refused")
says("its SASL server is away", "235",
  "454 4.7.0 Temporary authentication failure: Connection lost", "temporary")
says("too many connections", "greeting",
  "421 4.7.0 mail.d.example Error: too many connections from 10.0.0.2",
  "slow-down")
says("no relaying", "RCPT", "554 5.7.1 <c@d.example>: Relay access denied",
  "relaying-denied")
says("a sender that is not the login's", "RCPT",
  "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user relay",
  "sender-refused")
says("nobody of that name", "RCPT", "550 5.1.1 <c@d.example>: Recipient "
  .. "address rejected: User unknown in local recipient table",
  "unknown-recipient")
says("a header that is rejected", "END",
  "550 5.7.1 message content rejected", "content-refused")
