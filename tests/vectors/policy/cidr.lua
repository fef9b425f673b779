local d = require "dragoman"
d.peer "a" { match = { address = "10.0.0.0/255.255.255.0" }, }
d.peer "b" { match = { address = "10.0.0.*" }, }
d.peer "c" { match = { address = "10.0.0.1-10.0.0.9" }, }
d.peer "d" { match = { address = { "10.0.0.0/24", "192.168.O.1" } }, }
d.peer "e" { match = { address = "fe80::1%eth0" }, }
d.peer "f" { match = { address = "hq.example" }, }
