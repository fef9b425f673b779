local d = require "dragoman"
d.peer "a" { match = {}, dialect = "exchange-5" }
d.peer "b" { match = {}, dialect = "Exchange-5.5" }
d.hop "c" { hosts = { "a" }, dialect = "exchange-5.5.lua" }
d.hop "d" { hosts = { "a" }, dialect = "dialects/exchange-5.5" }
