-- exchange-5.0: IMS 5.0 says XAUTH where 5.5 says AUTH (KB Q195201)
--
-- As a client it reads the EHLO answer, and quits when there is no XAUTH in it
-- (the sender then reads "3502 ... 502 Server does not support AUTH").  As a
-- server it answers "500 command not recognized" to AUTH NTLM.  Both parse AUTH
-- as well as XAUTH (KB Q188341).  Which line it looks for no public source
-- shows, so two are shown.
local d = require "dragoman"

d.dialect "exchange-5.0" {
  offer = { "XAUTH NTLM", "XAUTH=NTLM" },
  accept = { "AUTH" },
  say = { "XAUTH", "AUTH" },
  -- it takes NTLM whatever its list says, as its 5.5 sibling does (Q262945)
  assume = { "NTLM" },
  -- type 1 on the verb line: a bare verb did not work against IMS (Davenport)
  ntlm_form = "initial",
  -- NT 4 age: no target info in its challenge, so no NTLMv2 (Q262945 decoded)
  ntlm = {
    take = { "v2", "ntlm2", "v1" },
    send = { "v2", "ntlm2", "v1" },
  },
  texts = { ["235"] = "NTLM authentication successful" },
  helo = "either", -- without ESMTP in our banner it says HELO (Q194131)
  -- a STARTTLS that cannot work broke its age (Q237327); the others are newer
  -- than it is, and it must not try them
  hide = { "STARTTLS", "PIPELINING", "ENHANCEDSTATUSCODES", "CHUNKING",
    "SMTPUTF8" },
  means = {
    auth = {
      ["500"] = "verb-unknown", -- "500 command not recognized" (Q195201)
      ["502"] = "verb-unknown", -- authentication switched off
    },
  },
}
