local d = require "dragoman"
d.route "out"
