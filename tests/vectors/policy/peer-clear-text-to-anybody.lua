local d = require "dragoman"
d.dialect "mine" { offer = { "AUTH LOGIN PLAIN" } }
d.peer "a" { match = { listener = "lan" }, dialect = "mine", auth = { users = "devices" } }
