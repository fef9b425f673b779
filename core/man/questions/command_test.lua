-- command_test: a verb taken for NOOP, one refused, one unknown
local t = require "dragoman.test"

t.case("a verb is what the policy says it is", function(s)
  local c = s:client { from = "10.9.0.5" }
  c:says "EHLO app"
  c:says "XCLIENTINFO version 3"
  c:hears "250"
  c:says "FROB"
  c:hears "500"
end)
