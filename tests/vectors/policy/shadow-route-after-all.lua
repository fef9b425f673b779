local d = require "dragoman"
d.hop "hq" { hosts = { d.vars.hq } }
d.route { to = "hq.example", hop = "hq" }
d.route { refuse = "550 5.7.1 not here" }
d.route { to = "branch.example", hop = "hq" }
d.route { ask = function(q) return d.to "hq" end }
