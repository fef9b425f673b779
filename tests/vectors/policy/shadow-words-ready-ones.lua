local d = require "dragoman"
d.peer "hq" { match = { address = d.vars.hq_network } }
d.route { refuse = "550 5.7.1 no" }
d.words { like = "en", ["too-big"] = "At most {limit}." }
d.words { peer = "hq", like = "msexch-1998" }
d.words { peer = "hq", ["too-old"] = function(q) return "Too old: " .. q.reply end }
