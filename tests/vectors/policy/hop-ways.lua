local d = require "dragoman"
d.hop "both" { hosts = { "a" }, mx = true }
d.hop "three" { lmtp = "unix:/p", hosts = { "a" }, mx = true }
d.hop "no-mx" { mx = false }
d.hop "number" { mx = 1 }
d.hop "port" { hosts = { "a" }, port = 2525 }
d.hop "loop" { lmtp = "unix:/p", loopback = true }
d.hop "port2" { mx = true, port = 0 }
d.hop "port3" { mx = true, port = "25" }
d.hop "mx" { mx = true, port = 2525, loopback = true }
