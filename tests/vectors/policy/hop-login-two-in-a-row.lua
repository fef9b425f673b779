local d = require "dragoman"
d.hop "a" {
  hosts = { "a" },
  login = { "NTLM", "LOGIN", secret = "hq-service" },
}
d.hop "b" { hosts = { "a" }, login = { "NTLM", "LOGIN" } }
