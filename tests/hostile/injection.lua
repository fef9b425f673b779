-- injection: a reply of two lines
-- answer: 451 4.3.0
-- log: control character
local d = require "dragoman"
return function()
  return d.refuse "550 5.7.1 no\r\n250 yes"
end
