-- microsoft-365_test: what its replies amount to
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "office" { match = { address = "10.0.0.0/24" } }
d.hop "m365" {
  hosts = { "10.1.0.5:587" }, dialect = "microsoft-365", tls = "never",
  login = { "LOGIN", secret = "relay" },
}
d.route { hop = "m365" }

-- The first time; what comes after, as a report does, is taken.
local function once(reply)
  local n = 0
  return function()
    n = n + 1
    if n == 1 then return reply end
  end
end

-- What is meant by a reply given for `key` of the hop's script.
local function meaning(s, key, reply)
  local hop = s:hop("m365")
  hop:script { ehlo = { "SIZE 157286400", "AUTH LOGIN XOAUTH2", "8BITMIME" },
    [key] = once(reply) }
  s:accept { client = "10.0.0.5", from = "scan@hq.example",
    to = "c@d.example" }
  s:settle()
  return s.queue[1] and s.queue[1].meaning or s:report().meaning
end

-- One reply a case: a hop that is held would not ask again.
local function says(name, key, reply, want)
  t.case(name, function(s) t.equal(meaning(s, key, reply), want) end)
end

t.case("it is logged in to by LOGIN, which it shows beside XOAUTH2",
  function(s)
    local hop = s:hop("m365")
    hop:script { ehlo = { "AUTH LOGIN XOAUTH2" } }
    s:accept { client = "10.0.0.5", from = "scan@hq.example",
      to = "c@d.example" }
    hop:expects { verb = "AUTH", mechanism = "LOGIN" }
    t.equal(#hop:received(), 1)
  end)

says("a wrong password", "235", "535 5.7.3 Authentication unsuccessful",
  "login-refused")
says("SMTP AUTH switched off for the tenant", "235",
  "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
  .. "disabled for the Tenant.", "login-refused")
says("basic authentication retired", "235",
  "550 5.7.30 Basic authentication is not supported for Client Submission.",
  "no-common-auth")
says("a fourth connection, told at the login", "235",
  "432 4.3.2 Concurrent connections limit exceeded.", "slow-down")
says("a fourth connection, told at the end", "END",
  "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
  "slow-down")
says("the login is missing", "MAIL",
  "530 5.7.57 Client not authenticated to send mail.", "no-common-auth")
says("another's address as the sender", "END",
  "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
  "sender-refused")
says("another's address as the sender, in the words of today", "END",
  "554 5.2.252 SendAsDenied; scan@hq.example not allowed to send as "
  .. "x@hq.example", "sender-refused")
says("the login has no right to the mailbox", "END",
  "430 4.2.0 STOREDRV; mailbox logon failure; Failed to process message due "
  .. "to a transient exception with message Cannot open mailbox.",
  "login-refused")

t.case("a login that was refused costs nobody his mail", function(s)
  meaning(s, "235", "535 5.7.139 Authentication unsuccessful")
  t.equal(s.queue[1].to, "c@d.example")
  s:advance "15m"
  t.empty(s.queue)
end)
