-- connect_test: who is greeted
local t = require "dragoman.test"

t.case("a stranger is refused at once, a site is greeted", function(s)
  s:client { from = "192.0.2.7" }:hears "554 this relay joins two sites"
  s:client { from = "10.1.0.9" }:hears "220"
end)
