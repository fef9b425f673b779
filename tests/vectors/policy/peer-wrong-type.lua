local d = require "dragoman"
d.peer "branch" { match = "10.0.0.1", dialect = 5, auth = { users = { "ims" } } }
