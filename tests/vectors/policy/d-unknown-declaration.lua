local d = require "dragoman"
d.peeer "x" { match = {} }
d.hop "y" { host = { "a.example" } }
