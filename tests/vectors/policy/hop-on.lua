local d = require "dragoman"
d.hop "a" { hosts = { "a" }, on = { connect = function(q) end } }
d.hop "b" { hosts = { "a" }, on = function(q) end }
