local d = require "dragoman"
d.dialect "mine" {
  offer = { "AUTH NTML", "NTLM,AUTH", "", "MAIL NTLM", "AUTH SCRAM-SHA-256", "AUTH * NTLM", "AUTH NTLM", "AUTH NTLM" },
}
