-- route_test: by size, and again at a later try
local t = require "dragoman.test"

local function send(s, size)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO pc"
  c:says("MAIL FROM:<a@x.b.example> SIZE=" .. size)
  c:says "RCPT TO:<x@y.example>"
  c:says "DATA"
  c:says("Subject: s\r\n\r\n" .. ("x"):rep(size) .. "\r\n.")
  c:hears "250"
end

t.case("small mail goes by the dear line", function(s)
  send(s, 100)
  t.equal(#s:hop("dear"):received(), 1)
end)

t.case("large mail goes by the cheap line while that works", function(s)
  s:hop("cheap"):script { MAIL = "451 4.3.0 not now" }
  send(s, 20000)
  t.equal(s.queue[1].hop, "cheap")
  s:advance "6m"
  t.equal(#s:hop("dear"):received(), 0)
  s:advance "6m"
  t.equal(#s:hop("dear"):received(), 1)
  t.empty(s.queue)
end)
