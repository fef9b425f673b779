local d = require "dragoman"
d.dialect "mine" { prompts = { login = { "Username:" }, ntlm = 1 } }
d.dialect "other" { prompts = { Login = {} } }
