local d = require "dragoman"
d.peer "branch" { auth = { users = "ims", mechanisms = { "NTLM" } } }
