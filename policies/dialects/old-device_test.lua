-- old-device_test: what is forgiven to a device
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "scanner" {
  match = { address = "10.0.0.5" }, dialect = "old-device",
  auth = { users = "devices" },
}
-- One who is shown nothing: what it says is taken all the same, or not.
d.peer "blind" {
  match = { address = "10.0.0.6" }, dialect = "old-device",
  auth = { users = "devices" },
  on = { offer = function() return d.offer { lines = {} } end },
}
d.peer "open" {
  match = { address = "10.0.0.7" }, dialect = "old-device",
  auth = { users = "devices", required = false },
}
d.hop "mail" { hosts = { "10.1.0.5:25" }, tls = "never" }
d.route { hop = "mail" }

local function known(s) s:users("devices", { scan = "secret-1" }) end

t.case("it is shown LOGIN first, and in the old spelling", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO copier"
  c:offered { has = { "AUTH LOGIN PLAIN", "AUTH=LOGIN" } }
end)

t.case("it logs in after HELO", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "HELO copier"
  c:auth_login { user = "scan", password = "secret-1" }
end)

t.case("it logs in with the name on the line", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO copier"
  c:says "AUTH LOGIN c2Nhbg=="
  c:hears "334 UGFzc3dvcmQ6"
  c:says "c2VjcmV0LTE="
  c:hears "235"
end)

t.case("it logs in though nothing was shown to it", function(s)
  known(s)
  local c = s:client { from = "10.0.0.6" }
  c:says "EHLO camera"
  c:offered { lacks = { "AUTH" } }
  c:auth_login { user = "scan", password = "secret-1" }
end)

t.case("a blank behind the colon is forgiven, and missing brackets",
  function(s)
    local c = s:client { from = "10.0.0.7" }
    c:says "HELO copier"
    c:says "MAIL FROM: <a@b.example>"
    c:hears "250"
    c:says "RCPT TO: <c@d.example>"
    c:hears "250"
    c:says "RSET"
    c:says "MAIL FROM:a@b.example"
    c:hears "250"
    c:says "RCPT TO:c@d.example"
    c:hears "250"
  end)

t.case("a whole session in LF gets through, and goes on in CRLF", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:hears "220"
  for _, step in ipairs {
    { "HELO copier", "250" }, { "AUTH LOGIN", "334" }, { "c2Nhbg==", "334" },
    { "c2VjcmV0LTE=", "235" }, { "MAIL FROM:<a@b.example>", "250" },
    { "RCPT TO:<c@d.example>", "250" }, { "DATA", "354" },
    { "Subject: scan\n\none\ntwo\n.", "250" },
  } do
    c:sends(step[1] .. "\n")
    c:hears(step[2])
  end
  local mails = s:hop("mail"):received()
  t.equal(#mails, 1)
  t.contains(mails[1].body, "Subject: scan\n")
  t.contains(mails[1].body, "\none\ntwo")
end)
