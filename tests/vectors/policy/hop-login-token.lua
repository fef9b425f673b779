local d = require "dragoman"
d.hop "a" { hosts = { "a" }, tls = "verify", login = { "XOAUTH2", user = "u", token = "t" } }
d.hop "b" { hosts = { "a" }, login = { "OAUTHBEARER", secret = "partner" } }
d.hop "c" { hosts = { "a" }, login = { "XOAUTH2", user = "u" } }
d.hop "d" { hosts = { "a" }, login = { "XOAUTH2", user = "u", token = "t", secret = "partner" } }
d.hop "e" { hosts = { "a" }, login = { "SCRAM-SHA-256", user = "u", secret = "partner" } }
d.hop "f" { hosts = { "a" }, login = { "GSSAPI", secret = "partner" } }
d.hop "g" { hosts = { "a" }, login = { "EXTERNAL", token = "t" } }
d.hop "h" { hosts = { "a" }, login = { { "GSSAPI" }, { "EXTERNAL", user = "u" } } }
