local d = require "dragoman"
hops = {}
