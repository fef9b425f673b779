-- result: an answer of megabytes
-- answer: 451 4.3.0
-- log: longer than an answer may be
local d = require "dragoman"
return function()
  return d.discard { because = ("x"):rep(8000000) }
end
