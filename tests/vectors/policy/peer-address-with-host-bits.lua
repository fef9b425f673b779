local d = require "dragoman"
d.peer "hq" { match = { address = "10.0.0.5/24" } }
d.peer "v6" { match = { address = { "2001:db8::/32", "2001:db8::1/64" } } }
d.route { refuse = "550 5.7.1 no" }
