local d = require "dragoman"
d.Peer "hq" { Match = { Address = "10.0.0.1" } }
d.peer "hq" { Match = { address = "10.0.0.1" } }
d.Route { Refuse = "550 5.7.1 no" }
