-- rfc4954_test: what RFC 4954 says the two sides do
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "modern" {
  match = { address = "10.0.0.5" }, dialect = "rfc4954",
  auth = { users = "people" },
}
d.hop "modern" {
  hosts = { "10.1.0.5:25" }, dialect = "rfc4954", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.hop "login" {
  hosts = { "10.1.0.6:25" }, dialect = "rfc4954", tls = "never",
  login = { "LOGIN", secret = "relay" },
}
d.route { to = "login.example", hop = "login" }
d.route { hop = "modern" }

local function known(s) s:users("people", { ann = "secret-1" }) end

t.case("all that the peer may use is shown under AUTH", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:hears "220"
  c:says "EHLO client.example"
  c:offered { has = { "AUTH SCRAM-SHA-256 SCRAM-SHA-1 NTLM LOGIN PLAIN",
    "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS", "HELP" },
    lacks = { "XAUTH" } }
end)

t.case("NTLMv2 gets in, with the first message on the line or after 334",
  function(s)
    known(s)
    for _, initial in ipairs { true, false } do
      local c = s:client { from = "10.0.0.5" }
      c:says "EHLO client.example"
      c:ntlm { user = "ann", password = "secret-1", initial = initial }
      c:hears "235 2.7.0 authentication successful"
    end
  end)

t.case("NTLMv1 does not: only v2 is listed", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO client.example"
  c:ntlm { user = "ann", password = "secret-1", level = "v1", expect = "535" }
end)

t.case("LOGIN is asked with Username: and Password:", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO client.example"
  c:says "AUTH LOGIN"
  c:hears "334 VXNlcm5hbWU6"
  c:says "YW5u"
  c:hears "334 UGFzc3dvcmQ6"
  c:says "c2VjcmV0LTE="
  c:hears "235"
end)

t.case("an empty prompt stands before the first NTLM message", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO client.example"
  c:says "AUTH NTLM"
  t.equal(c:hears "334 ", "334 ")
end)

t.case("XAUTH is no verb of this dialect", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO client.example"
  c:says "XAUTH NTLM"
  c:hears "500"
end)

t.case("HELO gets no login, because only EHLO shows one", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "HELO client.example"
  c:hears "250"
  c:says "AUTH LOGIN"
  c:hears "503"
end)

t.case("a bare LF in a message is refused: nothing is mended", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO client.example"
  c:ntlm { user = "ann", password = "secret-1" }
  c:says "MAIL FROM:<a@b.example>"
  c:says "RCPT TO:<c@d.example>"
  c:says "DATA"
  c:sends "Subject: x\n\nbare\n.\n" -- no end, and so not answered
  c:says "\r\n."
  c:hears "550 5.5.2"
end)

t.case("a hop is spoken to in AUTH, and LOGIN waits for its prompts",
  function(s)
    known(s)
    s:accept { from = "a@b.example", to = "c@d.example", user = "ann",
      password = "secret-1" }
    s:hop("modern"):expects { verb = "AUTH", mechanism = "NTLM" }
    t.match(s:hop("modern").logins[1].initial, "^TlRMTVNTUAAB")
    s:accept { from = "a@b.example", to = "c@login.example", user = "ann",
      password = "secret-1" }
    s:hop("login"):expects { verb = "AUTH", mechanism = "LOGIN" }
    t.equal(s:hop("login").logins[1].initial, nil)
  end)

t.case("nothing is assumed: LOGIN alone is no offer to an NTLM login",
  function(s)
    known(s)
    s:hop("modern"):script { ehlo = { "AUTH LOGIN" } }
    s:accept { from = "a@b.example", to = "c@d.example", user = "ann",
      password = "secret-1" }
    local said = s:hop("modern"):transcript()
    t.match(said, "C: QUIT")
    t.lacks(said, "C: MAIL")
    t.equal(s.queue[1].meaning, "no-common-auth")
  end)

t.case("nor is NTLM alone one to a LOGIN", function(s)
  known(s)
  s:hop("login"):script { ehlo = { "AUTH NTLM" } }
  s:accept { from = "a@b.example", to = "c@login.example", user = "ann",
    password = "secret-1" }
  t.equal(s:hop("login"):verbs(), "")
  t.equal(s.queue[1].meaning, "no-common-auth")
end)

t.case("what a server says means what RFC 4954 and 5321 say", function(s)
  known(s)
  local hop = s:hop("modern")
  hop:script { ehlo = { "AUTH NTLM" }, AUTH = "500 5.5.1 what?" }
  s:accept { from = "a@b.example", to = "c@d.example", user = "ann",
    password = "secret-1" }
  t.equal(#hop:received(), 0)
  t.equal(s.queue[1].meaning, "no-common-auth")
  t.contains(s.queue[1].reply, "500 5.5.1 what?")
end)
