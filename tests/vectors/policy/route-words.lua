local d = require "dragoman"
d.hop "hq" { hosts = { "a" } }
d.route { to = "@hq.example", hop = "hq" }
d.route { to = "<a@hq.example>", hop = "hq" }
d.route { to = "hq.example", hop = { "hq" } }
d.route { to = "hq.example", hops = "hq" }
d.route { recipient = "hq.example", hop = "hq" }
d.route { domain = "hq.example", hop = "hq" }
d.route { "hq.example", "hq" }
d.route { to = "hq.example", d.to "hq" }
d.route { to = "hq.example", reject = "550 5.1.1 no" }
