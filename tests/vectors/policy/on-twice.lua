local d = require "dragoman"
d.on.connect = function(q) end
d.on.connect = function(q) return d.accept() end
