local d = require "dragoman"
d.dialect "mine" { offer = "AUTH NTLM" }
