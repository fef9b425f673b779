local d = require "dragoman"
d.hop "a" { hosts = { first = "a.example", "b.example" } }
