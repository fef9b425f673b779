local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { to = "b.example, c.example", hop = "out" }
d.route { to = { "b.example", 5 }, hop = "out" }
d.route { to = {}, hop = "out" }
d.route { to = "", hop = "out" }
