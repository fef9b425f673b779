local d = require "dragoman"
error("no hosts for the plant in Lyon")
