local d = require "dragoman"
d.peer "a" { match = { address = "10.0.0.1" }, auth = { mechanisms = { "NTLM" } } }
d.peer "b" { match = { listener = "lan" }, auth = { required = true } }
