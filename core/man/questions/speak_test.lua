-- speak_test: the verb follows what the hop shows
local t = require "dragoman.test"

local function send(s, ehlo, verb)
  s:hop("cluster"):script { ehlo = ehlo, takes = { [verb] = true } }
  s:accept { client = "10.0.0.5", from = "a@b.example", to = "x@y.example" }
  s:hop("cluster"):expects { verb = verb, mechanism = "NTLM" }
end

t.case("the old half is spoken to in XAUTH", function(s)
  send(s, { "X-OLD", "XAUTH NTLM" }, "XAUTH")
end)

t.case("the new half in AUTH", function(s)
  send(s, { "AUTH NTLM" }, "AUTH")
end)
