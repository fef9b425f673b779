local d = require "dragoman"
d.peer "hq"
{ match = { address = "10.0.0.0/24" } }
d.hop "out"
d.route { refuse = "550 5.7.1 no" }
