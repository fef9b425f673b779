local d = require "dragoman"
d.hop "out" { hosts = { "mail.example:25" } }
d.hop "other" { hosts = { "b.example" } }
d.hop "out" { hosts = { "c.example" } }
