local d = require "dragoman"
d.peer "hq"
d.hop "out" "a.example"
