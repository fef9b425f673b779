-- http-silent: a web server that says nothing
-- answer: 451 4.3.0
-- log: waited longer than
local d = require "dragoman"
return function()
  while true do d.http.get(d.vars.silent) end
end
