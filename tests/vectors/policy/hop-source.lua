local d = require "dragoman"
d.hop "a" { hosts = { "a" }, source = "eth0", helo = "two words" }
d.hop "b" { hosts = { "a" }, source = "10.0.0.0/24" }
