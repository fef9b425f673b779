local d = require "dragoman"
d.hop "a" { hosts = { "a" }, tls = "starttls" }
d.hop "b" { hosts = { "a" }, tls = "Verify" }
d.hop "c" { hosts = { "a" }, tls = { verify = true } }
d.peer "p" { match = {}, tls = "require" }
d.peer "q" { match = {}, tls = { required = true } }
