local d = require "dragoman"
