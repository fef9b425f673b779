local dragon = require "dragoman"
dragon.hop "x" { hosts = { "a" } }
dragon.rute { hop = "x" }
