local d = require "dragoman"
d.peer { match = {} }
