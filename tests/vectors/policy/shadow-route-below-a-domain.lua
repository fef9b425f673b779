local d = require "dragoman"
d.hop "hq" { hosts = { d.vars.hq } }
d.route { to = "*.hq.example", hop = "hq" }
d.route { to = "lab.hq.example", refuse = "550 5.7.1 the lab is closed" }
d.route { to = "hq.example", hop = "hq" }
d.route { to = "robot@HQ.example", refuse = "550 5.7.1 nobody reads that" }
d.route { to = { "x@lab.hq.example", "y.hq.example" }, hop = "hq" }
d.route { to = { "x@lab.hq.example", "lab.branch.example" }, hop = "hq" }
