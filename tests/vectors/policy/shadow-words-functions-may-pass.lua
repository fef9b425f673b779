local d = require "dragoman"
d.route { refuse = "550 5.7.1 no" }
d.words { ["too-big"] = function(q) if q.limit > 0 then return "At most {limit}." end end }
d.words { ["too-big"] = "Too big." }
d.words { to = "b.example", ["too-old"] = "Too old." }
d.words { ["too-old"] = "Much too old." }
