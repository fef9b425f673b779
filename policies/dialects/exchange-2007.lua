-- exchange-2007: Exchange 2007 to 2019, and Subscription Edition
--
-- As its forebear, with what came since: NTLMv2 in all of them (the client of
-- Windows 2008 sends nothing older, LmCompatibilityLevel 3), LOGIN only where
-- basic authentication is on, often after STARTTLS alone, and X-ANONYMOUSTLS,
-- XRDST, XSHADOW, which are never shown (MS docs and public logs).
local d = require "dragoman"

d.dialect "exchange-2007" {
  like = "exchange-2003",
  ntlm = { take = { "v2" }, send = { "v2" } },
  prompts = { ntlm = "NTLM supported" }, -- 2013 and later (public logs)
  means = {
    auth = {
      -- "Unrecognized command" to a verb that its connector does not take
      ["500 5.3.3"] = "verb-unknown", -- built in, too
    },
    mail = {
      -- "Client was not authenticated"
      ["530 5.7.57"] = "no-common-auth", -- built in, too
      ["530 5.7.1"] = "no-common-auth", -- built in, too
    },
    rcpt = {
      -- "SMTP; Unable to relay recipient in non-accepted domain"
      ["550 5.7.54"] = "relaying-denied", -- built in, too
    },
    ["end"] = {
      -- "SMTP; Client does not have permissions to send as this sender"
      ["550 5.7.60"] = "sender-refused", -- built in, too
    },
    ["*"] = {
      -- "Insufficient system resources": back pressure, it has too little disk
      -- or memory and takes no mail until it has more (MS docs)
      ["452 4.3.1"] = "slow-down",
    },
  },
}
