local d = require "dragoman"
d.peer "hq" { match: { address = "10.0.0.0/24" } }
