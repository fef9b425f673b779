local d = require "dragoman"
d.peer "a" { match = {}, limits = { size = "35 MB", connections = "8", messages = 30, recipient = 5 } }
d.peer "b" { match = {}, limits = 5 }
d.peer "c" { match = {}, limits = { size = "35MiB", connections = -1, recipients = 1.5 } }
