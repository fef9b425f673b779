local d = require "dragoman"
d.peer "hq" { match = { address = d.vars.hq_network } }
d.peer "branch" { match = { address = d.vars.branch_network } }
d.hop "hq" { hosts = { d.vars.hq } }
d.route { user = "sales-*", hop = "hq" }
d.route { user = "sales-eu-*", refuse = "550 5.7.1 not from Europe" }
d.route { size = "10M", peer = "hq", refuse = "552 5.3.4 too big for us" }
d.route { size = "20M", peer = "hq", refuse = "552 5.3.4 much too big" }
d.route { size = "5M", peer = "hq", hop = "hq" }
d.route { size = "20M", peer = "branch", hop = "hq" }
d.route { from = "*@hq.example", hop = "hq" }
d.route { from = "ceo@hq.example", to = "board.example", hop = "hq" }
