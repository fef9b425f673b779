-- google: smtp.gmail.com and smtp-relay.gmail.com, port 587
--
-- After STARTTLS it shows "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN
-- OAUTHBEARER XOAUTH" (public logs), and logs in as the standard says.  The
-- replies are those of support.google.com/a/answer/3726730, "Gmail SMTP errors
-- and codes"; at which step each is given that page does not tell: where a row
-- stands under one, that is an assumption.
--
-- Rows marked "built in, too" say what the program knows of any server.
local d = require "dragoman"

d.dialect "google" {
  means = {
    auth = {
      -- "Cannot authenticate due to temporary system problem", and "Too many
      -- login attempts, please try again later" (public logs): either way it
      -- wants fewer of them
      ["454 4.7.0"] = "slow-down",
      -- "Username and Password not accepted"
      ["535 5.7.8"] = "login-refused", -- built in, too
      -- "Application-specific password required"
      ["534 5.7.9"] = "login-refused", -- built in, too
    },
    ["*"] = {
      -- "unusual rate of unsolicited mail", "Try again later, closing
      -- connection"
      ["421 4.7.0"] = "slow-down", -- built in, too
      -- "The user you are trying to contact is receiving mail too quickly",
      -- "Peak SMTP relay limit exceeded"
      ["450 4.2.1"] = "slow-down", -- built in, too
      -- "Daily user sending limit exceeded", "Daily SMTP relay sending limit
      -- exceeded": tomorrow it is taken
      ["550 5.4.5"] = "slow-down",
    },
    mail = {
      -- "Invalid credentials for relay": the address we connect from is not
      -- registered, or we are not logged in; nobody's mail is at fault
      ["550 5.7.0"] = "login-refused",
      ["550 5.7.1"] = "login-refused",
    },
    rcpt = {
      ["550 5.7.0"] = "login-refused",
      ["550 5.7.1"] = "login-refused",
    },
    ["end"] = {
      -- "unsolicited mail", "violates the policy of the domain", "Messages
      -- missing a valid address in From": about this message
      ["550 5.7.1"] = "content-refused", -- built in, too
      -- "blocked because its content presents a potential security issue"
      ["552 5.7.0"] = "content-refused", -- built in, too
      -- "Your message exceeded Google's message size limits"
      ["552 5.2.3"] = "too-big", -- built in, too
    },
  },
}
