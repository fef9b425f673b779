local d = require "dragoman"
d.words { "Your mail was not delivered." }
