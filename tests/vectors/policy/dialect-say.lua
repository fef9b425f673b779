local d = require "dragoman"
d.dialect "mine" { say = { "AUTH NTLM" }, accept = { "X AUTH" }, assume = { "NTLMv2" } }
d.dialect "other" { say = {} }
