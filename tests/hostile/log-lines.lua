-- log-lines: thousands of lines
-- answer: 250
local d = require "dragoman"
return function()
  for i = 1, 5000 do d.log("line " .. i) end
end
