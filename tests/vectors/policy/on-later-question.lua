local d = require "dragoman"
d.on.sender = function(q) return d.accept() end
d.on.content = function(q) end
d.on.relay = function(q) end
