local d = require "dragoman"
local p = d.peer "hq"
d.route { refuse = "550 5.7.1 no" }
