local d = require "dragoman"
d.hop "a" { tls = "never" }
