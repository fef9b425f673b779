local d = require "dragoman"
d.hop "a" { hosts = "mail.example:25" }
