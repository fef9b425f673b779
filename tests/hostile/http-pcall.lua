-- http-pcall: the same in pcall
-- answer: 451 4.3.0
-- log: waited longer than
local d = require "dragoman"
return function()
  while true do pcall(d.http.get, d.vars.silent) end
end
