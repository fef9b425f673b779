local d = require "dragoman"
d.hop "" { hosts = { "a.example" } }
