local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { ask = function(q) return d.too "out" end }
