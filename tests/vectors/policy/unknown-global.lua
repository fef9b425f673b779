local d = require "dragoman"
d.hop "x" { hosts = hosts }
