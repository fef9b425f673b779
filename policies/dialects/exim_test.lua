-- exim_test: NTLMv1, and replies without a status
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "exim" {
  match = { address = "10.0.0.5" }, dialect = "exim",
  auth = { users = "servers" },
}
d.hop "exim" {
  hosts = { "10.1.0.5:587" }, dialect = "exim", tls = "never",
  login = { "NTLM", secret = "relay" },
}
d.route { hop = "exim" }

-- The first time; what comes after, as a report does, is taken.
local function once(reply)
  local n = 0
  return function()
    n = n + 1
    if n == 1 then return reply end
  end
end

local function known(s) s:users("servers", { svc = "secret-1" }) end

local function greeted(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO exim.example"
  return c
end

local function send(s, script)
  known(s)
  script.ehlo = { "SIZE 52428800", "8BITMIME", "AUTH NTLM", "HELP" }
  script.ntlm = "v1"
  local c = s:hop("exim"):script(script)
  local from = greeted(s)
  from:plain { user = "svc", password = "secret-1" }
  from:mail { from = "a@b.example", to = "c@d.example" }
  s:settle()
  return c
end

local function says(name, key, reply, want)
  t.case(name, function(s)
    send(s, { [key] = once(reply) })
    t.equal(s.queue[1] and s.queue[1].meaning or s:report().meaning, want)
  end)
end

t.case("its client says a bare NTLM, and gets in by v1", function(s)
  known(s)
  local c = greeted(s)
  c:says "AUTH NTLM"
  c:hears "334 NTLM supported"
  greeted(s):ntlm { user = "svc", password = "secret-1", level = "v1",
    initial = false }
end)

t.case("v2 is not among what it can", function(s)
  known(s)
  greeted(s):ntlm { user = "svc", password = "secret-1", level = "v2",
    expect = "535" }
end)

t.case("its server is logged in to by v1", function(s)
  local hop = send(s, {})
  hop:expects { verb = "AUTH", mechanism = "NTLM" }
  t.equal(hop.logins[1].strength, "NTLMv1")
end)

says("too many connections", "greeting",
  "421 Too many concurrent SMTP connections; please try again later.",
  "slow-down")
says("a wrong password", "235", "535 Incorrect authentication data",
  "login-refused")
says("a lookup that failed", "235", "435 Unable to authenticate at present",
  "temporary")
says("a message that is refused", "END", "550 Administrative prohibition",
  "content-refused")
