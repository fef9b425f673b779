-- Large mail goes by the cheap line, and what fails there by the other one.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "cheap" { hosts = { "10.1.0.5:25" }, retry = { "5m" } }
d.hop "dear"  { hosts = { "10.2.0.5:25" } }

d.route { from = "*.b.example", ask = function(q)
  if q.size > 10000 and q.tries < 2 then
    return d.to "cheap" { because = q.size .. " bytes" }
  end
end }
d.route { hop = "dear" }
