local d = require "dragoman"
d.dialect "mine" { hide = { "STARTLS" }, show = { "CHUNKING" } }
d.dialect "other" { hide = { "SIZE" }, show = { "SIZE" } }
