local d = require "dragoman"
d.hop "a" { hosts = { "a" }, login = { "XOAUTH2", user = "u", token = "t" } }
