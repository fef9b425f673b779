local d = require "dragoman"
d.words { like = "msexch-1999" }
