-- dns-dead: a name server that does not answer
-- answer: 451 4.3.0
-- log: waited longer than
local d = require "dragoman"
return function(q)
  while true do d.dns.a("x" .. #q.recipient .. ".example") end
end
