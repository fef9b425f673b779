local d = require "dragoman"
d.words { too-big = "Too big." }
