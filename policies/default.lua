-- default: the policy of a relay that was given none: it relays for nobody
--
-- No peer is declared, so whoever connects is "anyone", who may do nothing but
-- be refused (RFC 5321 7.1: an open relay is worse than none).
local d = require "dragoman"

d.route { refuse = "550 5.7.1 this relay has no policy yet" }
