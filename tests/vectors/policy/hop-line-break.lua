local d = require "dragoman"
d.hop "a" { hosts = { "a.example\r\nRSET" }, helo = "x\0y" }
