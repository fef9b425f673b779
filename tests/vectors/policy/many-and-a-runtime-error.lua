local d = require "dragoman"
d.hop "hq" { host = { "a" } }
local x = nil
d.hop(x.y) { hosts = { "b" } }
d.hop "c" { hostz = { "c" } }
