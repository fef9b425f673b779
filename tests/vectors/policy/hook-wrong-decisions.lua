local d = require "dragoman"
d.on.connect = function(q)
  if q.tls then return d.discard {} end
  local inner = function() return d.to "hq" end
  return d.retry { after = "5m" }
end
d.hop "hq" {
  hosts = { "a" },
  on = {
    speak = function(q) return d.refuse "550 5.7.1 no" end,
    reply = function(q) return d.retry { after = "1h" } end,
  },
}
d.route { ask = function(q) return d.hold {} end }
d.words { ["550 5.1.1"] = function(q) return d.fail { meaning = "permanent" } end }
d.on.tick = function(q) return d.close() end
