-- exchange-2003: Exchange 2000 and 2003, and the SMTP service of IIS
--
-- As a server it shows "AUTH GSSAPI NTLM LOGIN", "AUTH=LOGIN", and the same
-- mechanisms once more under X-EXPS, which is AUTH between two Exchange servers
-- (MS KB 812455); a connector may leave X-EXPS alone (jstedfast/MailKit#603).
--
-- XEXCH50 and X-LINK2STATE are never shown, since we cannot do them: a peer
-- that sees XEXCH50 sends a binary block (KB 812455).  Nor is X-EXPS, which
-- would say that we are of its organization; who says it all the same is let
-- in (an assumption, no log shows one who does).
local d = require "dragoman"

d.dialect "exchange-2003" {
  offer = { "AUTH NTLM LOGIN", "AUTH=LOGIN" },
  accept = { "X-EXPS" },
  say = { "AUTH", "X-EXPS" },
  -- NTLM2 session answers in the log of MS-SMTPNTLM 4.2, from and to Windows
  -- 2003; v1 is not among what is known of it, so it is not here
  ntlm = { take = { "v2", "ntlm2" }, send = { "v2", "ntlm2" } },
  prompts = { ntlm = "ntlm supported" }, -- MS-SMTPNTLM 4.2
  texts = {
    ["235"] = "Authentication successful.", -- MS-SMTPNTLM 4
    ["535"] = "Authentication unsuccessful.",
  },
  means = {
    auth = {
      -- "Authentication unsuccessful." (MS-SMTPNTLM 4.2)
      ["535 5.7.3"] = "login-refused", -- built in, too
      -- "Unrecognized authentication type." (MS-SMTPNTLM)
      ["504 5.7.4"] = "no-common-auth", -- built in, too
    },
    rcpt = {
      ["550 5.7.1"] = "relaying-denied", -- built in, too: "Unable to relay"
    },
  },
}
