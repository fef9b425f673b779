local d = require "dragoman"
d.route { to = "a.example", refuse = "550 5.7 not here" }
d.route { refuse = "550 5 servers say no" }
