local d = require "dragoman"
d.hop "hq" { hosts = { "a" } }
d.route(function(q) return d.to "hq" end)
d.route { to = "hq.example", ask = d.to "hq" }
d.route { ask = function(q) return d.to "hq" end, hop = "hq" }
d.route "hq.example" { hop = "hq" }
