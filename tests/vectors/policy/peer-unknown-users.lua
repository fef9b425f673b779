local d = require "dragoman"
d.peer "a" { match = { address = "10.0.0.1" }, auth = { users = "imss", mechanisms = { "NTLM" } } }
