local d = require "dragoman"
d.hop "hq" { hosts = "10.0.0.5:25" }
d.hop "branch" { hosts = { "10.1.0.5;25" } }
d.hop "lab" { hosts = { "10.2.0.5:smtp" } }
d.hop "farm" { hosts = { host = "10.3.0.5", port = 25 } }
