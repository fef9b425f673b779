local d = require "dragoman"
d.on.relay = function(q) end
