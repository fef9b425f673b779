local d = require "dragoman"
d.hop "a" { hosts = { "a" }, login = { "NTLM" } }
