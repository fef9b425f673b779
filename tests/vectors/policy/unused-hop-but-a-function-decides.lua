local d = require "dragoman"
d.hop "hq" { hosts = { d.vars.hq } }
d.hop "branch" { hosts = { d.vars.branch } }
d.route { ask = function(q) return d.to(q.user) end }
