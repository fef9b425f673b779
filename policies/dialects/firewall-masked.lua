-- firewall-masked: whoever is on the other side of a firewall that edits SMTP
--
-- "fixup smtp" (PIX) lets seven verbs through, answers EHLO "500", and shows
-- "220 ****0***2***" as the greeting (KB Q295725); "inspect esmtp" (ASA) writes
-- X over verbs and EHLO words that it does not know, STARTTLS among them
-- ("250-XXXXXXXA"), and watches pipelining (Cisco documents 4733 and 113423,
-- the ASA firewall guide).  Such words are none that we know, so a hop without
-- this dialect sees a server without STARTTLS: `tls = "require"` then holds the
-- mail, and says what was offered.
--
-- Here both sides speak plain SMTP, which passes.  A login does not, and is not
-- tried: the cure is to switch the inspection off (no fixup protocol smtp).
local d = require "dragoman"

d.dialect "firewall-masked" {
  -- as a peer: what it could not say is not shown to it
  offer = {},
  hide = { "STARTTLS", "PIPELINING" },
  -- as a hop: as Postfix's smtp_pix_workarounds, disable_esmtp
  helo = "helo",
}
