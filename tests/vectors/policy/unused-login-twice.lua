local d = require "dragoman"
d.hop "hq" {
  hosts = { d.vars.hq },
  tls = "verify",
  login = {
    { "NTLM", secret = "hq-service" },
    { "PLAIN", secret = "hq-service" },
    { "NTLM", secret = "hq-service" },
    { "NTLM", secret = "partner" },
  },
}
d.route { hop = "hq" }
