local d = require "dragoman"
d.dialect "a" { like = "rfc4945" }
