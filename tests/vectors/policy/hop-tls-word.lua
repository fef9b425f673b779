local d = require "dragoman"
d.hop "a" { hosts = { "a" }, tls = "required" }
d.hop "b" { hosts = { "a" }, tls = true }
