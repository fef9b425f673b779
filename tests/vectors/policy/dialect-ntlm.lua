local d = require "dragoman"
d.dialect "mine" { ntlm = { take = { "v3" }, send = {} } }
d.dialect "other" { ntlm = { accept = { "v2" } } }
d.dialect "third" { ntlm = { "v2" } }
