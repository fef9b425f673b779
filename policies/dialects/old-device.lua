-- old-device: scanners, cameras, copiers, control units that send mail
--
-- Each line is something that some device does; one dialect for all, since who
-- does not do it is not disturbed.  What it forgives it forgives to those whom
-- a d.peer matches alone.
local d = require "dragoman"

d.dialect "old-device" {
  -- LOGIN first: many know nothing else.  The draft's spelling of 1995 is what
  -- the oldest look for (postconf(5), broken_sasl_auth_clients)
  offer = { "AUTH LOGIN PLAIN", "AUTH=LOGIN" },
  -- a camera says AUTH without looking whether it was shown (kost/smtp2mqtt#1)
  accept = { "AUTH" },
  helo = "either", -- printers say HELO (simonrob/email-oauth2-proxy#232)
  mend = {
    "bare-lf", -- lines that end in LF alone (haraka/Haraka#3268)
    "space-after-colon", -- "MAIL FROM: <a@b>": RFC 5321 3.3 calls it common
    "no-brackets", -- "MAIL FROM:a@b" (postconf(5), strict_rfc821_envelopes)
  },
}
