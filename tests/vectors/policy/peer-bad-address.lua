local d = require "dragoman"
d.peer "a" { match = { address = "10.0.0.1, 10.0.0.300 10.0.0.0/40" } }
d.peer "b" { match = { address = { "10.0.0", "::1/129" } } }
