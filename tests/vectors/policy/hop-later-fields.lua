local d = require "dragoman"
d.hop "c" { hosts = { "a" }, limits = { size = "30M", recipients = 5 } }
