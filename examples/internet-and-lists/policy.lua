-- internet-and-lists: mail of our people to the world by MX, to our mailing
-- lists by LMTP, to one partner by his own server
local d = require "dragoman"

d.peer "people" {
  match = { address = d.vars.our_network },
}

-- whoever the domain's MX records name; one connection after the other until
-- they show that they take more
d.hop "internet" {
  mx = true, tls = "opportunistic",
  limits = { connections = 5, messages_a_connection = 50 },
  retry = { "5m", "15m", "30m", "1h", "2h", "4h" },
  warn = "4h", give_up = "5d",
}

-- a partner who counts: no more than this, whatever waits
d.hop "partner" {
  hosts = { d.vars.partner }, tls = "opportunistic",
  limits = { connections = 2, messages = "30/min" },
}

-- the list server on this machine: one result for each recipient
d.hop "lists" { lmtp = d.vars.lists, retry = { "1m", "5m", "15m" } }

d.route { to = "lists.example", hop = "lists" }
d.route { to = "partner.example", hop = "partner" }
d.route { hop = "internet" }

d.words { like = "en" }
