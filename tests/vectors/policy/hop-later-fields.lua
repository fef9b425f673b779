local d = require "dragoman"
d.hop "a" { mx = true }
d.hop "b" { lmtp = "unix:/p" }
d.hop "c" { hosts = { "a" }, warn = "4h", limits = { messages = "30/min" } }
