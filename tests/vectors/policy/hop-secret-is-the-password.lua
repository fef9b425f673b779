local d = require "dragoman"
d.hop "hq" { hosts = { "a" }, tls = "verify", login = { "NTLM", secret = "DOM\\svc:Kanari-1" } }
d.hop "b" { hosts = { "a" }, tls = "verify", login = { { "PLAIN", password = "Kanari-1" } } }
d.route { hop = "hq" }
