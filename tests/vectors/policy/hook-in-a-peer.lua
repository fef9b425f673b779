local d = require "dragoman"
d.peer "hq" {
  match = { address = d.vars.hq_network },
  on = { rcpt = function(q) end, speak = function(q) end, function(q) end },
}
d.hop "hq" { hosts = { "a" }, on = { reply = d.retry { after = "5m" }, replly = function(q) end } }
