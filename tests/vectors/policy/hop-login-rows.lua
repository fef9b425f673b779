local d = require "dragoman"
d.hop "a" {
  hosts = { "a" },
  login = {
    { "SCRAM-SHA-256", secret = "partner" },
    { "NTLM", secret = "nobody" },
    { secret = "partner" },
    { "NTLM", sekret = "partner" },
    "LOGIN",
  },
}
