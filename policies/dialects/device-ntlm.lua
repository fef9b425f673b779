-- device-ntlm: a device or an old program that logs in by NTLM
--
-- curl before 8, msmtp with libntlm, Exim's client and Perl's Authen::NTLM send
-- LM and NTLMv1 even where more is offered (recorded from each); newer ones
-- send NTLM2 or v2.  Whoever takes v1 should know its network: give the peer an
-- address.
local d = require "dragoman"

d.dialect "device-ntlm" {
  like = "old-device",
  offer = { "AUTH NTLM LOGIN", "AUTH=LOGIN" },
  ntlm = { take = { "v2", "ntlm2", "v1" } },
  -- to a bare AUTH NTLM, as servers that such clients were made for say
  -- (MS-SMTPNTLM; Exim)
  prompts = { ntlm = "NTLM supported" },
}
