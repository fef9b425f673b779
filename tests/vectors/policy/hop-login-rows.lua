local d = require "dragoman"
d.hop "a" {
  hosts = { "a" },
  login = {
    { "DIGEST-MD5", secret = "partner" },
    { "NTLM", secret = "nobody" },
    { secret = "partner" },
    { "NTLM", sekret = "partner" },
    "LOGIN",
  },
}
