local d = require "dragoman"
d.peer "hq" { match = {}, users = "ims", mechanisms = { "NTLM" } }
