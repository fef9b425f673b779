-- exchange-5.5: IMS 5.5 before build 2394: AUTH, and never XAUTH (KB Q195201)
--
-- As a client it sends AUTH NTLM with the type 1 message on the line, without
-- looking whether NTLM is in the list.  As a server it may show LOGIN alone and
-- take NTLM all the same (KB Q262945, a log of two of them).
local d = require "dragoman"

d.dialect "exchange-5.5" {
  offer = { "AUTH NTLM" },
  accept = { "AUTH" }, -- it says AUTH NTLM to everybody (Q262945)
  say = { "AUTH", "XAUTH" }, -- a fixed one knows both (Q195201)
  assume = { "NTLM" },
  ntlm_form = "initial", -- a bare AUTH NTLM did not work (Davenport, app. B)
  -- the log of Q262945: 24-byte answers, no target info, no extended security
  ntlm = {
    take = { "v2", "ntlm2", "v1" },
    send = { "v2", "ntlm2", "v1" },
  },
  texts = { ["235"] = "NTLM authentication successful" }, -- Q262945
  helo = "either", -- EHLO, on an error HELO (Q241892)
  hide = { "STARTTLS", "PIPELINING", "ENHANCEDSTATUSCODES", "CHUNKING",
    "SMTPUTF8" },
  means = {
    auth = {
      ["500"] = "verb-unknown",
      ["502"] = "verb-unknown", -- DisableAuth = 1 (Q235627)
    },
  },
}
