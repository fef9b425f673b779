local d = require "dragoman"
d.peer "a" { match = { address = d.vars.hqnetwork } }
d.peer "b" { match = { address = d.vars["branch-network"] } }
d.hop "c" { hosts = { d.var.hq } }
d.hop "e" { hosts = { vars.hq } }
