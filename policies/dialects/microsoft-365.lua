-- microsoft-365: smtp.office365.com:587, a mailbox's own submission
--
-- After STARTTLS it shows "AUTH LOGIN XOAUTH2" (public logs); both spellings of
-- the dialogue are the standard's, so what is particular are its replies.
--
-- What it asks of a sender is said where mail is handed over, not here: three
-- connections and 30 messages a minute (learn.microsoft.com, "Message storage
-- and concurrent connection throttling for SMTP Authenticated Submission") are
-- d.hop's `limits = { connections = 3, messages = "30/min" }`; that it sends
-- only as its mailbox is d.on.sender's `rewrite_from` (core/man/questions).
--
-- Rows marked "built in, too" say what the program knows of any server.
local d = require "dragoman"

d.dialect "microsoft-365" {
  means = {
    auth = {
      -- wrong password, or the mailbox has SMTP AUTH switched off
      -- (MicrosoftDocs/OfficeDocs-Exchange#2648)
      ["535 5.7.3"] = "login-refused", -- built in, too
      -- "SmtpClientAuthentication is disabled for the Tenant", or for the
      -- mailbox, or stopped by security defaults (aka.ms/smtp_auth_disabled)
      ["535 5.7.139"] = "login-refused", -- built in, too
      -- "Basic authentication is not supported for Client Submission": no
      -- password helps, OAuth 2 is the one way left (Exchange team blog,
      -- "Exchange Online to retire Basic auth for Client Submission")
      ["550 5.7.30"] = "no-common-auth",
    },
    ["*"] = {
      -- a fourth connection: "Concurrent connections limit exceeded",
      -- "STOREDRV.ClientSubmit; sender thread limit exceeded" (the page on
      -- throttling; Exchange team blog, April 2018).  To AUTH, 432 otherwise
      -- means that a password must change (RFC 4954 6)
      ["432 4.3.2"] = "slow-down",
    },
    mail = {
      -- "Client not authenticated to send mail"
      ["530 5.7.57"] = "no-common-auth", -- built in, too
    },
    ["end"] = {
      -- "SMTP; Client does not have permissions to send as this sender"
      ["550 5.7.60"] = "sender-refused", -- built in, too
      -- "SendAsDenied; ... not allowed to send as": the same, of today
      -- (gophish/gophish#2900).  554 5.2.0 may be that, or the limit of a day
      -- (MicrosoftDocs/OfficeDocs-Support#1187, #1150): only its text tells,
      -- so it has no row
      ["554 5.2.252"] = "sender-refused",
      -- "STOREDRV; mailbox logon failure; ... Cannot open mailbox": the login
      -- was taken, but has no right to this mailbox
      -- (simonrob/email-oauth2-proxy#271)
      ["430 4.2.0"] = "login-refused",
    },
  },
}
