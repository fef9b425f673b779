local d = require "dragoman"
d.on.recipient = function(q)
  if q.recipiant == "" or q.sise > 5 or q.rcpt then return d.discard {} end
  q:note("seen", q.helo)
  local last = q.notes.seen
  return d.log(last, q.offered)
end
d.peer "hq" { match = {}, on = { offer = function(query) return d.offer { hide = { query.abilties } } end } }
d.route { ask = function(q) if q.user == "x" and q.count > 2 then return nil end end }
d.words { ["too-big"] = function(q) return "At most " .. q.limt end }
d.route { refuse = "550 5.7.1 no" }
