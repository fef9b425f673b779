local d = require "dragoman"
d.on.rcpt = function(q) end
d.on.Recipient = function(q) end
d.on.auth = function(q) end
d.on.bounce = function(q) end
d.on["connect"] = 5
d.on = { connect = function(q) end }
