-- offer_test: what the copier is shown, and what others are
local t = require "dragoman.test"

t.case("the copier is shown a short list, others the long one", function(s)
  local c = s:client { from = "10.9.0.5" }
  c:says "EHLO COPIER-2"
  c:offered { lacks = { "PIPELINING", "8BITMIME", "SIZE" } }
  c:says "EHLO pc"
  c:offered { has = { "PIPELINING", "8BITMIME" } }
end)
