local d = require "dragoman"
d.hop "hq" { hosts = { "a" }, giveup = "5d", retries = { "5m" }, timeout = "30s", port = 25 }
