-- wait-sort: a wait inside table.sort
-- answer: 451 4.3.0
-- log: cannot wait inside table.sort
local d = require "dragoman"
return function()
  table.sort({ 3, 2, 1 }, function() d.dns.a("x.example") end)
end
