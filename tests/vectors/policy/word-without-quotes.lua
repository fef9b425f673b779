local d = require "dragoman"
d.hop "hq" { hosts = { "10.0.0.5:25" }, tls = never }
d.route { hop = hq }
