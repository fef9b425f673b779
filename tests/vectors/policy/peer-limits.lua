local d = require "dragoman"
d.peer "a" { match = {}, limits = { connections = 0, size = "35 bananas", recipients = 1.5 } }
