-- outlook-express_test: two spellings, two prompts
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "desk" {
  match = { address = "10.0.0.5" }, dialect = "outlook-express",
  auth = { users = "people" },
}

t.case("it is shown LOGIN in both spellings, and nothing else", function(s)
  s:users("people", { ann = "secret-1" })
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO desk"
  c:offered { has = { "AUTH LOGIN", "AUTH=LOGIN" } }
  c:says "AUTH NTLM"
  c:hears "504"
end)

t.case("it is asked in the words that it knows", function(s)
  s:users("people", { ann = "secret-1" })
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO desk"
  c:says "AUTH LOGIN"
  t.equal(c:hears "334", "334 VXNlcm5hbWU6") -- Username:
  c:says "YW5u"
  t.equal(c:hears "334", "334 UGFzc3dvcmQ6") -- Password:
  c:says "c2VjcmV0LTE="
  c:hears "235"
end)
