local d = require "dragoman"
d.peer "anyone" { match = {} }
