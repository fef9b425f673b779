local d = require "dragoman"
d.hop "a" { hosts = { "a" }, tls = never }
d.hop "b" { hosts = { "b" }, tls = require_tls }
d.route { to = vars.hq_domain, hop = "c" }
route { hop = "b" }
