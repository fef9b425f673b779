local d = require "dragoman"
d.peer "printer" { match = { address = "10.0.0.7" } }
d.peer "people" { match = { address = "10.0.0.0/24", user = "*" } }
d.peer "lan" { match = { address = "10.0.0.0/24", listener = "lan" } }
d.peer "hq" { match = { address = "10.0.0.0/8 192.0.2.0/24" } }
d.peer "v6" { match = { address = "::/0" } }
d.route { refuse = "550 5.7.1 no" }
