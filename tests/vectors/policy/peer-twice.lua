local d = require "dragoman"
d.peer "a" { match = { listener = "lan" } }
d.peer "a" { match = { listener = "ims" } }
