local d = require "dragoman"
d.hop "a" { hosts = { "a" }, retry = { "1m", "5 minutes", 30 }, give_up = "5" }
d.hop "b" { hosts = { "a" }, retry = {} }
d.hop "c" { hosts = { "a" }, retry = "5m" }
