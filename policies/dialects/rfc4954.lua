-- rfc4954: what a server and a client do that follow the standard (RFC 4954)
--
-- The program holds the same facts, so that it runs without this file; a unit
-- test compares them field by field.  Prompts: draft-murchison-sasl-login and
-- what Outlook Express compares with.  ntlm_form: a type 1 message on the verb
-- line is the one form that every NTLM server known to us takes, and old IMS
-- takes nothing else (Davenport's NTLM document, appendix B).
local d = require "dragoman"

d.dialect "rfc4954" {
  offer = { "AUTH *" },
  accept = {},
  say = { "AUTH" },
  assume = {},
  login_form = "ask",
  ntlm_form = "initial",
  ntlm = { take = { "v2" }, send = { "v2" } },
  prompts = { login = { "Username:", "Password:" }, ntlm = "" },
  texts = {},
  helo = "ehlo",
  mend = {},
  hide = {},
  show = {},
  means = {},
}
