local d = require "dragoman"
d.peer "a" { match = { listener = "lam" } }
