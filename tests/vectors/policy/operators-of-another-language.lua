local d = require "dragoman"
d.on.recipient = function(q)
  if q.peer != "hq" && q.size > 5 { return d.refuse("550 5.7.1 no") }
end
