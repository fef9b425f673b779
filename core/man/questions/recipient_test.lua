-- recipient_test: three addresses, three answers
local t = require "dragoman.test"

t.case("moved, gone, and nobody's", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO pc"
  c:says "MAIL FROM:<a@hq.example>"
  c:says "RCPT TO:<old@hq.example>"
  c:hears "550 5.1.6"
  c:says "RSET"
  c:mail { from = "a@hq.example",
    to = { "Sales@hq.example", "noreply@hq.example" } }
  local m = s:hop("branch"):received()
  t.equal(#m, 1)
  t.equal(m[1].to[1], "sales@branch.example")
  t.equal(#m[1].to, 1)
end)
