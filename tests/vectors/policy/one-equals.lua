local d = require "dragoman"
d.on.recipient = function(q)
  if q.peer = "hq" then return d.refuse "550 5.7.1 no" end
end
