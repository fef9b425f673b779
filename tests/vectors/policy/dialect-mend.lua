local d = require "dragoman"
d.dialect "mine" { mend = { "bare_lf", "bare-lf" } }
