local d = require "dragoman"
d.hop "a" { hosts = { "a" }, login = { { "NTLM", secret = "partner" }, { "LOGIN", secret = "partner" } } }
d.route { hop = "a" }
