local d = require "dragoman"
d.peer { name = "hq", match = { address = "10.0.0.0/24" } }
d.hop = { hq = { hosts = { "a" } } }
d.peers "branch" { match = {} }
