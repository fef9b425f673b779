-- exchange-5.5-fixed: IMS 5.5 from build 2394 on talks to a 5.0 (KB Q195201)
--
-- The correction was made on the 5.5 side alone, so it must show XAUTH to a
-- 5.0, take it as a verb, and say XAUTH to a server that shows it.  Whether it
-- shows XAUTH to everybody no source tells; here it does, which also makes this
-- the dialect for a peer that may be either of the two.
local d = require "dragoman"

d.dialect "exchange-5.5-fixed" {
  like = "exchange-5.5",
  offer = { "AUTH NTLM", "XAUTH NTLM", "XAUTH=NTLM" },
  accept = { "AUTH", "XAUTH" },
  say = { "AUTH", "XAUTH" },
}
