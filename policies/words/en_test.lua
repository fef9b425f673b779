-- en_test: every meaning has words, and they name what the sender must know
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "site" {
  match = { address = "10.0.0.5" }, dialect = "rfc4954",
  auth = { users = "people", required = false },
}
-- The hop of these tests says in its reply what it is to amount to.
d.hop "there" {
  hosts = { "10.1.0.5:25" }, tls = "never", give_up = "1d",
  on = {
    reply = function(q)
      local name = q.reply:match "^550 5%.0%.0 (%S+)$"
      if name then return d.fail { meaning = name } end
    end,
  },
}
d.hop "back" { hosts = { "10.0.0.5:25" }, tls = "never" }
d.route { to = "site.example", hop = "back" }
d.route { hop = "there" }

-- The report's text when the hop's reply means that.
local function words(s, meaning)
  s:hop("there"):script { RCPT = "550 5.0.0 " .. meaning }
  s:accept { from = "ann@site.example", to = "bob@there.example" }
  local r = s:report()
  t.equal(r.meaning, meaning)
  t.equal(r.to, "ann@site.example")
  t.equal(r.from, "")
  return r.text:gsub("%s+", " ")
end

-- meaning, and what its words must contain
local rows = {
  { "verb-unknown", "did not understand how we log in" },
  { "no-common-auth", "no way to log in that we know" },
  { "login-refused", "does not let us log in" },
  { "tls-failed", "secure connection" },
  { "slow-down", "come back later" },
  { "mailbox-full", "is full" },
  { "unreachable", "could not be reached" },
  { "temporary", "could not take your message for now" },
  { "unknown-recipient", "check the spelling" },
  { "relaying-denied", "does not take mail for" },
  { "too-big", "too big" },
  { "content-refused", "refused what is in it" },
  { "sender-refused", "takes no mail from" },
  { "too-old", "in time" },
  { "permanent", "refused your message" },
}

for _, row in ipairs(rows) do
  t.case(row[1] .. " has words that name the recipient", function(s)
    local text = words(s, row[1])
    t.contains(text, row[2])
    t.contains(text, "bob@there.example")
    t.lacks(text, "{") -- no placeholder is left
  end)
end

t.case("what was waited for too long is told with the last answer",
  function(s)
    s:hop("there"):script { RCPT = "450 4.2.0 come again" }
    s:accept { from = "ann@site.example", to = "bob@there.example" }
    s:advance "2d"
    local r = s:report()
    t.equal(r.meaning, "too-old")
    t.equal(r.status, "5.4.7")
    t.contains(r.text, "450 4.2.0 come again")
    t.empty(s.queue)
  end)
