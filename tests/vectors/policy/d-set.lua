local d = require "dragoman"
d.hops = {}
