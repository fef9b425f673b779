local d = require "dragoman"
d.hop "relative" { lmtp = "unix:run/lmtp" }
d.hop "no-port" { lmtp = "mail.example" }
d.hop "smtp-port" { lmtp = "mail.example:25" }
d.hop "no-host" { lmtp = "/run/lmtp" }
d.hop "list" { lmtp = { "unix:/run/lmtp" } }
d.hop "verify" { lmtp = "unix:/run/lmtp", tls = "verify" }
d.hop "long" { lmtp = "unix:/" .. ("x"):rep(120) }
d.hop "good" { lmtp = "unix:/run/lmtp", login = { "PLAIN", secret = "partner" } }
d.hop "good2" { lmtp = "[2001:db8::1]:24" }
