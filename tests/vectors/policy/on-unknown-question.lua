local d = require "dragoman"
d.on.recipent = function(q) return d.accept() end
