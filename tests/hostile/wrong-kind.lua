-- wrong-kind: a decision of another question
-- answer: 451 4.3.0
-- log: question .*recipient.* takes
local d = require "dragoman"
return function()
  return d.to "sink"
end
