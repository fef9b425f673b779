local d = require "dragoman"
local t = require "dragoman.test"
t.case("x", function() end)
