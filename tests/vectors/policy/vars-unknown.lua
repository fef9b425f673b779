local d = require "dragoman"
d.hop "hq" { hosts = { d.vars.hqq } }
d.route { to = d.vars.hq_domian, hop = "hq" }
