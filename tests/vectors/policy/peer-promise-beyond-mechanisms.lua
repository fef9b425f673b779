local d = require "dragoman"
d.dialect "mine" { offer = { "AUTH NTLM LOGIN" } }
d.peer "a" {
  match = { address = "10.0.0.1" }, dialect = "mine",
  auth = { users = "ims", mechanisms = { "NTLM" } },
}
