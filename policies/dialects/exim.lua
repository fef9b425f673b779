-- exim: Exim as a server and as a client
--
-- It sends no enhanced status codes of its own, so that a reply's number is all
-- that tells: "550 relay not permitted" and "550 Unknown user" are one to us,
-- and d.on.reply may look at the text.
--
-- Rows marked "built in, too" say what the program knows of any server.
local d = require "dragoman"

d.dialect "exim" {
  -- its SPA driver answers and takes NTLMv1 alone, and shows no target info
  -- (spa.c; seen from 4.96)
  ntlm = { take = { "v1" }, send = { "v1" } },
  prompts = { ntlm = "NTLM supported" }, -- what its own server says (4.96)
  means = {
    greeting = {
      -- "Too many concurrent SMTP connections; please try again later"
      -- (smtp_accept_max, smtp_in.c)
      ["421"] = "slow-down",
    },
    auth = {
      -- "Incorrect authentication data"
      ["535"] = "login-refused", -- built in, too
      -- "Unable to authenticate at present": a lookup failed (4.96)
      ["435"] = "temporary", -- built in, too
    },
    ["end"] = {
      -- "Administrative prohibition", or the words of acl_smtp_data (smtp_in.c)
      ["550"] = "content-refused",
    },
  },
}
