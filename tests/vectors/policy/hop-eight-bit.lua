local d = require "dragoman"
d.hop "a" { hosts = { "a" }, eight_bit = true }
