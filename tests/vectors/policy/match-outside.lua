local d = require "dragoman"
d.peer "hq" { address = "10.0.0.0/24", listener = "ims" }
