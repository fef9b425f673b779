-- authenticated_test: the right password by the wrong mechanism
local t = require "dragoman.test"

t.case("the service account gets in by NTLM and not by PLAIN", function(s)
  s:users("apps", { service = "x", other = "y" })
  local c = s:client { from = "10.9.0.7" }
  c:says "EHLO app"
  c:plain { user = "service", password = "x", expect = "535 5.7.8 this acc" }
  c:ntlm { user = "service", password = "x" }
  c = s:client { from = "10.9.0.7" }
  c:says "EHLO app"
  c:plain { user = "other", password = "y" }
end)
