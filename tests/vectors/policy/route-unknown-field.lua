local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { domain = "b.example", hop = "out" }
d.route { form = "a.example", hop = "out" }
