local d = require "dragoman"
d.hop "hq" { hosts = { d.vars.hq } }
d.route { ask = function(q) if q.size > 1000 then return d.to "hq" end end }
d.route { to = "hq.example", hop = "hq" }
d.route { to = "*@hq.example", hop = "hq" }
d.route { to = "sales-*", hop = "hq" }
d.route { to = "sales-eu@hq.example", from = "a@b.example", hop = "hq" }
d.route { refuse = "550 5.7.1 no" }
