-- policy_test: who waits, for how long, and who does not
local t = require "dragoman.test"

local STRANGER, FRIEND = "192.0.2.7", "10.1.2.3"

local function rcpt(c, to)
  c:says("RCPT TO:<" .. to .. ">")
end

local function begins(s, address, from)
  local c = s:client { from = address }
  c:says "EHLO x.example"
  c:hears "250"
  c:says("MAIL FROM:<" .. from .. ">")
  c:hears "250"
  return c
end

t.case("a friend does not wait", function(s)
  local c = s:client { from = FRIEND }
  c:says "EHLO x.example"
  c:mail { from = "a@x.example", to = "b@hq.example" }
  t.equal(#s:hop("server"):received(), 1)
end)

t.case("a stranger waits a minute, once", function(s)
  local c = begins(s, STRANGER, "a@x.example")
  rcpt(c, "b@hq.example")
  c:hears "451 4.7.1 please come again"
  rcpt(c, "b@hq.example")
  c:hears "451 4.7.1 please come again"
  s:advance "61s"
  c = begins(s, STRANGER, "a@x.example")
  rcpt(c, "b@hq.example")
  c:hears "250"
  rcpt(c, "c@hq.example") -- another triplet
  c:hears "451"
  s:advance "20d"
  c = begins(s, STRANGER, "a@x.example")
  rcpt(c, "b@hq.example")
  c:hears "250"
end)

t.case("who does not come back in a day is a stranger again", function(s)
  local c = begins(s, STRANGER, "a@x.example")
  rcpt(c, "b@hq.example")
  c:hears "451"
  s:advance "25h"
  c = begins(s, STRANGER, "a@x.example")
  rcpt(c, "b@hq.example")
  c:hears "451"
end)

t.case("too many at once wait for seconds", function(s)
  local c = begins(s, STRANGER, "a@x.example")
  for i = 1, 20 do
    rcpt(c, "b" .. i .. "@hq.example")
    c:hears "451 4.7.1 please come again"
  end
  rcpt(c, "b21@hq.example")
  c:hears "451 4.7.1 too much at once, wait 3 s"
  s:advance "3s"
  c = begins(s, STRANGER, "a@x.example")
  rcpt(c, "b22@hq.example")
  c:hears "451 4.7.1 please come again"
end)

t.case("who does not stop is told of", function(s)
  for _ = 1, 2 do
    local c = begins(s, STRANGER, "a@x.example")
    for i = 1, 15 do rcpt(c, "b" .. i .. "@hq.example") end
    c:hears "451 4.7.1"
  end
  s:settle()
  t.contains(s:hop("server"):received()[1].body, "192.0.2.7 does not stop")
end)

t.case("what is not ours stays refused", function(s)
  local c = begins(s, FRIEND, "a@x.example")
  rcpt(c, "b@elsewhere.example")
  c:hears "550"
end)
