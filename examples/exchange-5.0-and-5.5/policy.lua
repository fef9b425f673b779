-- policy: mail between an Exchange 5.0 site (hq) and a 5.5 site (branch)
--
-- 5.0 logs in with XAUTH, 5.5 with AUTH, and neither knows the other's word
-- (KB Q195201).  The two ready dialects say all about that; here stands who is
-- who, where mail goes, and what people read when it cannot get there.
local d = require "dragoman"

-- Who connects to us: each site from its own network, as the users "ims".
d.peer "hq" {
  match = { address = d.vars.hq_network },
  dialect = "exchange-5.0",
  auth = { users = "ims" },
}
d.peer "branch" {
  match = { address = d.vars.branch_network },
  dialect = "exchange-5.5",
  auth = { users = "ims" },
}

-- Whom we hand mail to, and as whom we log in there.  Neither speaks TLS.
d.hop "hq" {
  hosts = { d.vars.hq },
  dialect = "exchange-5.0",
  tls = "never",
  login = { "NTLM", secret = "hq-service" },
}
d.hop "branch" {
  hosts = { d.vars.branch },
  dialect = "exchange-5.5",
  tls = "never",
  login = { "NTLM", secret = "branch-service" },
}

d.route { to = d.vars.branch_domain, hop = "branch" }
d.route { to = d.vars.hq_domain, hop = "hq" }
d.route { refuse = "550 5.7.1 this relay joins two sites only" }

-- People at hq read what they are used to.
d.words { peer = "hq", like = "msexch-1998" }
d.words {
  ["no-common-auth"] =
    "The server {host} offers no way to log in that we know "
    .. "(it offered: {offered}). "
    .. "Ask its administrator whether authentication is switched on.",
}
