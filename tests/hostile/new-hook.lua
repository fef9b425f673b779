-- new-hook: another hook put in
-- answer: 451 4.3.0
-- log: while the policy loads
local d = require "dragoman"
return function()
  d.on.connect = function() while true do end end
end
