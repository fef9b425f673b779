local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route {
  ask = function(q)
    if q.size > 1000 then return d.refus "550 5.3.4 too big" end
    return d.to "out"
  end,
}
