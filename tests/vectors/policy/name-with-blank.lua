local d = require "dragoman"
d.hop "my hop" { hosts = { "a.example" } }
