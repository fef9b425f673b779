-- policy_test: what KB Q195201 says goes wrong, going right
local t = require "dragoman.test"

local HQ, BRANCH = "10.0.0.5", "10.1.0.5"

-- What the two servers show (5.5: recorded in KB Q262945; 5.0's is assumed).
local IMS50 = { "HELP", "SIZE 0", "DSN", "XAUTH NTLM", "XAUTH=NTLM" }
local IMS55 = { "XEXCH50", "HELP", "ETRN", "DSN", "SIZE 0", "AUTH LOGIN",
  "AUTH=LOGIN" }

local function servers(s)
  s:users("ims", { svc = "x" })
  s:hop("hq"):script { ehlo = IMS50, takes = { XAUTH = true } }
  s:hop("branch"):script { ehlo = IMS55, takes = { AUTH = true } }
end

t.case("IMS 5.0 is shown XAUTH, gets in, and branch is spoken to in AUTH",
  function(s)
    servers(s)
    local c = s:client { from = HQ }
    c:says "EHLO NTS2"
    c:offered { has = { "XAUTH NTLM", "XAUTH=NTLM" },
      lacks = { "AUTH", "STARTTLS", "PIPELINING" } }
    c:ntlm { verb = "XAUTH", user = "svc", password = "x", level = "v1" }
    c:mail { from = "a@hq.example", to = "b@branch.example" }
    s:hop("branch"):expects { verb = "AUTH", mechanism = "NTLM" }
    t.equal(#s:hop("branch"):received(), 1)
    t.empty(s.queue)
  end)

t.case("IMS 5.5 is shown AUTH, gets in, and hq is spoken to in XAUTH",
  function(s)
    servers(s)
    local c = s:client { from = BRANCH }
    c:says "EHLO SERVER1"
    c:offered { has = { "AUTH NTLM" }, lacks = { "XAUTH" } }
    c:ntlm { verb = "AUTH", user = "svc", password = "x", level = "v1" }
    c:mail { from = "b@branch.example", to = "a@hq.example" }
    s:hop("hq"):expects { verb = "XAUTH", mechanism = "NTLM" }
    t.equal(s:hop("hq"):verbs(), "XAUTH")
    t.equal(#s:hop("hq"):received(), 1)
    t.empty(s.queue)
  end)

t.case("a 5.0 that shows both words is spoken to in its own", function(s)
  servers(s)
  s:hop("hq"):script { ehlo = { "AUTH NTLM", "XAUTH NTLM" },
    takes = { AUTH = true, XAUTH = true } }
  s:accept { client = BRANCH, user = "svc", password = "x",
    from = "b@branch.example", to = "a@hq.example" }
  t.equal(s:hop("hq"):verbs(), "XAUTH")
end)

t.case("a wrong password gets nobody in", function(s)
  servers(s)
  local c = s:client { from = HQ }
  c:says "EHLO NTS2"
  c:ntlm { verb = "XAUTH", user = "svc", password = "y", level = "v1",
    expect = "535" }
  c:says "MAIL FROM:<a@hq.example>"
  c:hears "530"
end)

t.case("nobody sends without a login", function(s)
  servers(s)
  local c = s:client { from = BRANCH }
  c:says "EHLO SERVER1"
  c:says "MAIL FROM:<b@branch.example>"
  c:hears "530"
end)

t.case("a stranger relays nothing", function(s)
  servers(s)
  local c = s:client { from = "192.0.2.7" }
  c:says "EHLO stranger"
  c:offered { lacks = { "AUTH", "XAUTH" } }
  c:says "MAIL FROM:<x@elsewhere.example>"
  c:hears "550"
end)

t.case("this relay joins two sites only", function(s)
  servers(s)
  local c = s:client { from = HQ }
  c:says "EHLO NTS2"
  c:ntlm { verb = "XAUTH", user = "svc", password = "x" }
  c:mail { from = "a@hq.example", to = "x@elsewhere.example",
    rcpt = "550 this relay joins two sites only" }
end)

t.case("a 5.5 that knows only the other word gets that in the same session",
  function(s)
    servers(s)
    s:hop("branch"):script { takes = { XAUTH = true } }
    s:accept { client = HQ, verb = "XAUTH", user = "svc", password = "x",
      from = "a@hq.example", to = "b@branch.example" }
    t.equal(s:hop("branch"):verbs(), "AUTH XAUTH")
    t.equal(s:hop("branch").sessions, 1)
    t.equal(#s:hop("branch"):received(), 1)
  end)

t.case("no common verb: kept, then hq reads the line of 1998", function(s)
  servers(s)
  s:hop("branch"):script { takes = {} }
  s:accept { client = HQ, verb = "XAUTH", user = "svc", password = "x",
    from = "a@hq.example", to = "b@branch.example" }
  s:advance "4d"
  t.equal(#s.queue, 1)
  s:advance "2d"
  local r = s:report()
  t.equal(r.to, "a@hq.example")
  t.equal(r.action, "failed")
  t.equal(r.meaning, "no-common-auth")
  t.match(r.status, "^5%.")
  t.match(r.text, "MSEXCH:IMS:")
end)

t.case("no common verb: branch reads what the policy says", function(s)
  servers(s)
  s:hop("hq"):script { takes = {} }
  s:accept { client = BRANCH, user = "svc", password = "x",
    from = "b@branch.example", to = "a@hq.example" }
  s:advance "6d"
  local r = s:report()
  t.equal(r.to, "b@branch.example")
  t.match(r.text, "offers no way to log in that we know")
  t.match(r.text, "administrator whether authentication is switched on")
  t.match(r.text, "XAUTH NTLM")
end)

t.case("an unknown recipient comes back at once, with the exact reply",
  function(s)
    servers(s)
    s:hop("branch"):script { RCPT = "550 5.1.1 no such mailbox: bob" }
    s:accept { client = HQ, verb = "XAUTH", user = "svc", password = "x",
      from = "a@hq.example", to = "bob@branch.example" }
    local r = s:report()
    t.equal(r.status, "5.1.1")
    t.match(r.diagnostic, "550 5%.1%.1 no such mailbox: bob")
    t.match(r.text, "The recipient name is not recognized")
    t.match(r.text, "MSEXCH:IMS:%S+ 3550 %(000B0981%) 550 5%.1%.1 no such")
    t.empty(s.queue)
  end)
