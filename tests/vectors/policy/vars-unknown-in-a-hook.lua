local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.route { ask = function(q)
  if q.domain == d.vars.hq_domane then return d.to "out" end
end }
