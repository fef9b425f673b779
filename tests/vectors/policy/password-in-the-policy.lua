local d = require "dragoman"
d.hop "hq" { hosts = { "a" }, login = { "NTLM", user = "service", password = "Kanari-1" } }
