local d = require "dragoman"
d.peer "a" { match = { address = {} } }
d.peer "b" { match = { address = "" } }
