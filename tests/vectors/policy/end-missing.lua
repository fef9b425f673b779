local d = require "dragoman"
d.on.recipient = function(q)
  if q.size > 1000 then
    return d.refuse "552 5.3.4 too big"
end
d.route { refuse = "550 5.7.1 no" }
