local d = require "dragoman"
d.hop "x" { hosts = { "a.example" }
d.route { hop = "x" }
