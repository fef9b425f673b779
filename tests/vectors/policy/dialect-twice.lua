local d = require "dragoman"
d.dialect "a" { like = "rfc4954" }
d.dialect "a" { helo = "helo" }
