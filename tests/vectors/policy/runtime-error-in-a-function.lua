local d = require "dragoman"
local function host(n)
  return n + {}
end
d.hop "x" { hosts = { host(1) } }
