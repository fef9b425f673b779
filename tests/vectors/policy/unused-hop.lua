local d = require "dragoman"
d.hop "hq" { hosts = { d.vars.hq } }
d.hop "branch" { hosts = { d.vars.branch } }
d.hop "old" { hosts = { "192.0.2.1" } }
d.route { to = d.vars.hq_domain, hop = "hq" }
d.route { hop = "branch" }
