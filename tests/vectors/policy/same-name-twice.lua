local d = require "dragoman"
d.hop "hq" { hosts = { "a" }, tls = "never", tls = "require" }
d.hop "hq" { hosts = { "b" } }
d.route { hop = "hq" }
