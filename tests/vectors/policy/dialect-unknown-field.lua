local d = require "dragoman"
d.dialect "mine" { offers = { "AUTH NTLM" } }
