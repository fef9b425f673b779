local d = require "dragoman"
d.dialect "mine" { offer = { "250-AUTH NTLM", "AUTH:NTLM", "AUTH = NTLM", "X AUTH NTLM", "AUTH NTLM PLAN" } }
