local d = require "dragoman"
d.on.recipient = d.refuse "550 5.7.1 no"
d.on.connect(function(q) return d.close() end)
