local d = require "dragoman"
d.peer "a" { match = { address = "10.0.0.1" }, auth = { users = "ims", mechanisms = { "NTML", "CRAM-MD5" } } }
