-- msexch-1998_test: the lines of KB Q195201, Q242961, Q266092 and Q251152
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "site" {
  match = { address = "10.0.0.5" }, dialect = "rfc4954",
  auth = { users = "people", required = false },
}
d.hop "there" {
  hosts = { "10.1.0.5:25" }, tls = "never", give_up = "1d",
  login = { "NTLM", secret = "relay" },
  when = { ["no-common-auth"] = "fail" },
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
d.words {
  to = "fixed.example", like = "msexch-1998",
  set = { org = "Acme", site = "HQ", server = "MAIL1", hex = "000B099C" },
}
d.words { like = "msexch-1998" }

local function send(s, to)
  s:accept { from = "ann@site.example", to = to or "bob@there.example",
    body = "Subject: plans\nDate: Mon, 1 Jun 1998 10:00:00 +0000\n\nx" }
  return s:report()
end

t.case("no common verb reads as KB Q195201 prints it", function(s)
  s:hop("there"):script { ehlo = { "SIZE" } }
  local r = send(s)
  t.contains(r.text, "did not reach the following recipient(s):")
  t.contains(r.text, "Subject: plans")
  t.contains(r.text, "1 Jun 1998")
  t.contains(r.text,
    "One or more mandatory argument(s) were missing from the recipient")
  t.match(r.text, "MSEXCH:IMS:Organization:Site:%S+ 3502 %(000B0981%)")
  t.contains(r.text, "502 Server does not support AUTH.")
end)

t.case("set gives the names and the number", function(s)
  s:hop("there"):script { RCPT = "553 5.1.1 unknown or illegal user" }
  local r = send(s, "bob@fixed.example")
  t.contains(r.text, "The recipient name is not recognized")
  t.contains(r.text, "MSEXCH:IMS:Acme:HQ:MAIL1 3553 (000B099C) 553 5.1.1 "
    .. "unknown or illegal user")
end)

t.case("a host that is not there is Host Unknown", function(s)
  s:hop("there"):script { down = true }
  s:accept { from = "ann@site.example", to = "bob@there.example" }
  s:advance "2d"
  t.contains(s:report().text, "3902 (000B0981) Host Unknown")
end)

t.case("a message over the server's SIZE is 3903", function(s)
  s:hop("there"):script { ehlo = { "SIZE 10", "AUTH NTLM" } }
  local text = send(s).text
  t.contains(text, "The content length of the message is too long for the "
    .. "recipient to take delivery.")
  t.contains(text, " 3903 (000B0981) Message exceeds size limit.")
end)

local MISSING =
  "One or more mandatory argument(s) were missing from the recipient"
local UNKNOWN = "The recipient name is not recognized"
local FAILED = "Unable to deliver the message due to a communications failure"

-- meaning, and the sentence above its line
local rows = {
  { "verb-unknown", MISSING },
  { "no-common-auth", MISSING },
  { "login-refused", FAILED },
  { "tls-failed", FAILED },
  { "slow-down", FAILED },
  { "mailbox-full", FAILED },
  { "unreachable", FAILED },
  { "temporary", FAILED },
  { "unknown-recipient", UNKNOWN },
  { "relaying-denied", UNKNOWN },
  { "too-big", "The content length of the message is too long" },
  { "content-refused", FAILED },
  { "sender-refused", FAILED },
  { "too-old", FAILED },
  { "permanent", FAILED },
}

for _, row in ipairs(rows) do
  t.case(row[1] .. " carries its sentence, the reply, 3000 and its code",
    function(s)
      s:hop("there"):script { RCPT = "550 5.0.0 " .. row[1] }
      local text = send(s).text
      t.contains(text, row[2])
      t.contains(text, "3550 (000B0981) 550 5.0.0 " .. row[1])
    end)
end
