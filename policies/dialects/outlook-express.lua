-- outlook-express: Outlook Express 4 to 6 as a client
--
-- Version 4 looks for "AUTH=LOGIN" (postconf(5), broken_sasl_auth_clients);
-- all compare the prompts with exactly these two (Exim's specification, "The
-- plaintext authenticator").  "Secure Password Authentication" is NTLM: who
-- wants it takes device-ntlm (an assumption, nothing of it was recorded).
local d = require "dragoman"

d.dialect "outlook-express" {
  offer = { "AUTH LOGIN", "AUTH=LOGIN" },
  prompts = { login = { "Username:", "Password:" } }, -- built in, too
}
