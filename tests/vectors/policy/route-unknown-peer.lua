local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.peer "scanners" { match = {} }
d.route { peer = "scaners", hop = "out" }
