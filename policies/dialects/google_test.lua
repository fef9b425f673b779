-- google_test: what the replies of its page amount to
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "office" { match = { address = "10.0.0.0/24" } }
d.hop "google" {
  hosts = { "10.1.0.5:587" }, dialect = "google", tls = "never",
  login = { "PLAIN", secret = "relay" },
}
d.route { hop = "google" }

local AUTH = "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH"

-- The first time; what comes after, as a report does, is taken.
local function once(reply)
  local n = 0
  return function()
    n = n + 1
    if n == 1 then return reply end
  end
end

local function send(s, key, reply)
  s:hop("google"):script { ehlo = { "SIZE 35882577", "8BITMIME", AUTH },
    [key] = once(reply) }
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

t.case("it is logged in to by PLAIN, which it shows among others", function(s)
  send(s, "END", "250 2.0.0 OK")
  s:hop("google"):expects { verb = "AUTH", mechanism = "PLAIN" }
  t.equal(#s:hop("google"):received(), 1)
end)

says("too many logins", "235",
  "454 4.7.0 Too many login attempts, please try again later.", "slow-down")
says("a wrong password", "235",
  "535 5.7.8 Username and Password not accepted.", "login-refused")
says("a password of the wrong kind", "235",
  "534 5.7.9 Application-specific password required.", "login-refused")
says("too much mail from one address", "greeting",
  "421 4.7.0 Try again later, closing connection.", "slow-down")
says("too much mail for one user", "RCPT",
  "450 4.2.1 The user you are trying to contact is receiving mail too quickly",
  "slow-down")
says("a day's limit, told at the recipient", "RCPT",
  "550 5.4.5 Daily SMTP relay sending limit exceeded for user.", "slow-down")
says("a day's limit, told at the end", "END",
  "550 5.4.5 Daily user sending limit exceeded.", "slow-down")
says("an address that may not relay, told at the sender", "MAIL",
  "550 5.7.0 Mail relay denied. Invalid credentials for relay",
  "login-refused")
says("the same with another status", "MAIL",
  "550 5.7.1 Invalid credentials for relay.", "login-refused")
says("an address that may not relay, told at the recipient", "RCPT",
  "550 5.7.0 Mail relay denied. Invalid credentials for relay",
  "login-refused")
says("and with another status", "RCPT",
  "550 5.7.1 Invalid credentials for relay.", "login-refused")
says("a message that it takes for spam", "END",
  "550 5.7.1 Our system has detected that this message is likely unsolicited",
  "content-refused")
says("a message with a dangerous part", "END",
  "552 5.7.0 This message was blocked because its content presents a "
  .. "potential security issue.", "content-refused")
says("a message that is too big", "END",
  "552 5.2.3 Your message exceeded Google's message size limits.", "too-big")
