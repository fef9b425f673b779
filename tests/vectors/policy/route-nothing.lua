local d = require "dragoman"
d.route { to = "b.example" }
