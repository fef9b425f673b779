local d = require "dragoman"
d.dialect "mine" {
  inherits = "rfc4954",
  offers = { "AUTH NTLM" },
  says = { "AUTH" },
  mechanisms = { "NTLM" },
  login_form = "prompt",
  ntlm = "v2",
  hide = "STARTTLS",
}
