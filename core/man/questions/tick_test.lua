-- tick_test: what the page says decides, a minute later
local t = require "dragoman.test"

local function rcpt(s, want)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO pc"
  c:says "MAIL FROM:<a@b.example>"
  c:says "RCPT TO:<x@y.example>"
  c:hears(want)
  return c
end

t.case("mail waits while the line is off", function(s)
  rcpt(s, "250")
  s:web { ["GET http://10.1.0.1/line"] = { body = "off" } }
  s:advance "61s"
  rcpt(s, "451 4.4.2 line is off")
  s:web { ["GET http://10.1.0.1/line"] = { body = "on" } }
  s:advance "61s"
  rcpt(s, "250")
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO pc"
  c:mail { from = "a@b.example", to = "x@y.example" }
  t.equal(#s:hop("branch"):received(), 1)
end)
