local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { hop = "out", refuse = "550 5.7.1 no" }
