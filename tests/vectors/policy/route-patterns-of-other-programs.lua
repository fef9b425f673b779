local d = require "dragoman"
d.hop "hq" { hosts = { "a" } }
d.route { to = "@hq.example", hop = "hq" }
d.route { to = { "hq.example", ".hq.example" }, hop = "hq" }
d.route { to = "hq.example.", hop = "hq" }
d.route { from = "robot@", hop = "hq" }
d.route { to = "<a@hq.example>", hop = "hq" }
d.route { user = "sales *", hop = "hq" }
