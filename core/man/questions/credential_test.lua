-- credential_test: an old name is a new account, with the account's password
local t = require "dragoman.test"

t.case("an old name gets in as the account it became", function(s)
  s:users("devices", { ["copier-7"] = "x" })
  local c = s:client { from = "10.9.0.7" }
  c:says "EHLO copier"
  c:ntlm { user = "xerox7", password = "wrong", expect = "535" }
  c:ntlm { user = "xerox7", password = "x" }
end)

t.case("a guest is refused whatever the password", function(s)
  s:users("devices", { guest = "guest" })
  local c = s:client { from = "10.9.0.7" }
  c:says "EHLO copier"
  c:ntlm { user = "guest", password = "guest", expect = "535" }
end)
