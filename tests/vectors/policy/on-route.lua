local d = require "dragoman"
d.on.route = function(q) return d.to "x" end
