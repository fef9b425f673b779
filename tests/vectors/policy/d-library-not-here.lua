local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
local seen = d.kv("seen")
d.on.recipient = function(q)
  if d.dns.mx(q.domain) == nil then return d.refuse "550 5.1.2 no such domain" end
  if d.rate("x", "30/min", q.user) then return d.defer "451 4.7.1 slower" end
  if seen:get(q.user) == d.jsn.null then return d.defer(d.json.decode(q.user)) end
  return d["time"].now()
end
