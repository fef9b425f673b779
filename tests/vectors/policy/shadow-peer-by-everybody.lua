local d = require "dragoman"
d.peer "lan" { match = { listener = "lan" } }
d.peer "all" { match = {} }
d.peer "late" { match = { listener = "ims", address = "::1 10.0.0.1" } }
d.peer "later" { match = { user = "robot" } }
d.route { refuse = "550 5.7.1 no" }
