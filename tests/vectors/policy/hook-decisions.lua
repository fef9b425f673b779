local d = require "dragoman"
d.on.recipient = function(q)
  if q.size > 5 then return d.reject "550 5.7.1 no" end
  if q.peer == "x" then return d.tempfail "450 4.7.1 no" end
  if q.peer == "y" then return d.drop {} end
  return d.acccept {}
end
