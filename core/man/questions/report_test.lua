-- report_test: none for a robot, German for .de, the ready words for others
local t = require "dragoman.test"

local function send(s, from)
  local asked = 0
  s:hop("branch"):script { RCPT = function()
    asked = asked + 1 -- the report goes by the same hop: the second one
    return asked == 1 and "550 5.1.1 no such user" or "250 2.1.5 ok"
  end }
  s:accept { client = "10.0.0.5", from = from, to = "x@y.example" }
  s:settle()
end

t.case("a robot gets none", function(s)
  send(s, "robot-7@b.example")
  t.empty(s.queue)
  t.equal(#s:hop("branch"):received(), 0)
end)

t.case("people get one in their language", function(s)
  send(s, "a@b.de")
  local r = s:report()
  t.equal(r.lang, "de")
  t.contains(r.text, "Ihre Nachricht an x@y.example kam nicht an")
end)

t.case("others get the ready words", function(s)
  send(s, "a@b.example")
  t.contains(s:report().text, "x@y.example")
end)
