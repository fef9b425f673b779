-- postfix: a Postfix server, whatever does its SASL (Cyrus, Dovecot)
--
-- It shows "AUTH ..." and, with broken_sasl_auth_clients, "AUTH=..." too, takes
-- a first response on the verb line and logs in itself as the standard says
-- (postconf(5)); so only its replies are particular.  They are those of
-- smtpd.c, smtpd_check.c and smtpd_sasl_glue.c.
--
-- NTLM is Cyrus's there, which shows no target info: who must log in by it says
-- `ntlm = { send = { "v2", "v1" } }` in a dialect of his own.
--
-- Rows marked "built in, too" say what the program knows of any server.
local d = require "dragoman"

d.dialect "postfix" {
  means = {
    auth = {
      -- "Error: authentication failed: ..."
      ["535 5.7.8"] = "login-refused", -- built in, too
      -- "Temporary authentication failure": its SASL server is not there
      ["454 4.7.0"] = "temporary", -- built in, too
    },
    ["*"] = {
      -- "Error: too many connections from ..." (anvil)
      ["421 4.7.0"] = "slow-down", -- built in, too
    },
    rcpt = {
      -- "Relay access denied"; also "Client host blocked using ...": only the
      -- text tells them apart
      ["554 5.7.1"] = "relaying-denied", -- built in, too
      -- "Sender address rejected: not owned by user": said at RCPT, because
      -- smtpd_delay_reject waits for it, but about the sender
      ["553 5.7.1"] = "sender-refused",
      -- "Recipient address rejected: User unknown in ... table"
      ["550 5.1.1"] = "unknown-recipient", -- built in, too
    },
    ["end"] = {
      -- header_checks and body_checks, REJECT
      ["550 5.7.1"] = "content-refused", -- built in, too
    },
  },
}
