local d = require "dragoman"
d.peer "a" { match = { helo = "nts1 nts2", user = {} } }
