-- reply_test: a 5yz that is waited out, and one that holds the hop
local t = require "dragoman.test"

local function send(s)
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "x@y.example" }
end

t.case("a full disk is waited out, though they say 5yz", function(s)
  s:hop("branch"):script { RCPT = "550 5.3.1 out of disk space" }
  send(s)
  s:advance "29m"
  t.equal(s.queue[1].tries, 1)
  s:hop("branch"):script { RCPT = "250 2.1.5 ok" }
  s:advance "2m"
  t.empty(s.queue)
end)

t.case("a block holds the hop and keeps the mail", function(s)
  s:hop("branch"):script { MAIL = "554 5.7.1 blocked" }
  send(s)
  s:settle()
  t.equal(s.queue[1].to, "x@y.example")
  t.equal(s.queue[1].tries, 0) -- and the alert to postmaster waits, too
  s:hop("branch"):script { MAIL = "250 2.1.0 ok" }
  s:advance "11m" -- the next probe
  local seen = {}
  for _, m in ipairs(s:hop("branch"):received()) do seen[m.to[1]] = true end
  t.equal(seen["x@y.example"], true)
end)
