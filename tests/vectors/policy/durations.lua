local d = require "dragoman"
d.hop "hq" { hosts = { "a" }, retry = { "1 min", "5min", "1h30m", "0s", "-5m", "1d" }, give_up = 432000 }
d.hop "b" { hosts = { "a" }, give_up = "5 days" }
d.hop "c" { hosts = { "a" }, retry = "5m" }
d.hop "d" { hosts = { "a" }, retry = 5 }
