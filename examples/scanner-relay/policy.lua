-- scanner-relay: old devices to a modern submission host
--
-- What a device says is forgiven by its dialect; what goes out is encrypted to
-- a host that proved its name, logged in as strongly as it can, and no faster
-- than it likes.
local d = require "dragoman"

-- Those that can log in must; by LOGIN, with a password of their own.
d.peer "scanners" {
  match = { address = d.vars.scanners },
  dialect = "old-device",
  auth = { users = "scanners", mechanisms = { "LOGIN", "PLAIN" } },
}
-- Those that cannot are known by their addresses alone, so each is listed.
d.peer "silent" {
  match = { address = d.vars.silent },
  dialect = "old-device",
  auth = { users = "scanners", mechanisms = { "LOGIN", "PLAIN" },
    required = false },
}

-- Nothing is said in clear, nor to a host with another's certificate; a login
-- that it refuses is kept here, and the postmaster is told.
d.hop "submission" {
  hosts = { d.vars.submission },
  tls = "verify",
  login = {
    { "SCRAM-SHA-256", secret = "submission" },
    { "PLAIN", secret = "submission" },
    { "LOGIN", secret = "submission" },
  },
  limits = { connections = 3, messages = "30/min" },
  warn = "1h",
}

d.route { hop = "submission" }

-- It takes one sender; who answers a scan reaches whom the scanner named.
d.on.sender = function(q)
  if q.sender == "" then
    return d.refuse "550 5.7.1 scanners send no reports"
  end
  return d.accept { rewrite_from = d.vars.mailbox, reply_to = "sender" }
end
