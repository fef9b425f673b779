local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { to = "b.example", hop = "outt" }
