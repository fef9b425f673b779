local d = require "dragoman"
d.dialect "a" { like = "b" }
d.dialect "b" { like = "a" }
