local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { size = "big", hop = "out" }
