local d = require "dragoman"
d.dialect "mine" { offer = { "AUTH LOGIN" } }
d.peer "a" { match = { listener = "lan" }, dialect = "mine", auth = { users = "devices", required = false } }
