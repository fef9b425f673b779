local d = require "dragoman"
d.hop "h" { hosts = { "a" }, tls = "verify", login = { { "GSSAPI" }, { "EXTERNAL", user = "u" }, { "EXTERNAL" }, { "EXTERNAL" } } }
d.route { hop = "h" }
