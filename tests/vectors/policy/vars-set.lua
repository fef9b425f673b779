local d = require "dragoman"
d.vars.x = "1"
