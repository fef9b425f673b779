local d = require "dragoman"
d.dialect "mine" {
  offer = { "AUTH NTML", "NTLM,AUTH", "", "MAIL NTLM", "AUTH DIGEST-MD5", "AUTH * NTLM", "AUTH NTLM", "AUTH NTLM" },
}
