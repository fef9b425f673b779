local d = require "dragoman"
d.peer "hq" { match = { address = "10.0.0.0/8" } }
d.peer "printer" { match = { address = "10.0.0.7" } }
d.peer "scanner" { match = { address = { "10.0.0.8", "192.0.2.8" }, listener = "lan" } }
d.peer "named" { match = { address = "192.0.2.0/24", helo = "*.plant.example" } }
d.peer "press" { match = { address = "192.0.2.9", helo = "press.plant.example" } }
d.peer "rest" { match = { address = "192.0.2.0/24" } }
d.route { refuse = "550 5.7.1 no" }
