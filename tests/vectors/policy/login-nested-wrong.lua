local d = require "dragoman"
d.hop "hq" { hosts = { "a" }, tls = "verify", login = { mechanism = "NTLM", secret = "partner" } }
d.hop "b" { hosts = { "a" }, tls = "verify", login = { "NTLM", "partner" } }
d.hop "c" { hosts = { "a" }, tls = "verify", login = { NTLM = "partner" } }
d.hop "d" { hosts = { "a" }, tls = "verify", login = { "partner", secret = "partner" } }
d.hop "e" { hosts = { "a" }, tls = "verify", login = { "NTLM", secret = "partner:password" } }
d.hop "f" { hosts = { "a" }, tls = "verify", login = { "NTLM", secret = { "partner" } } }
d.hop "g" { hosts = { "a" }, tls = "verify", login = {} }
