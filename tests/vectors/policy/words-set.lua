local d = require "dragoman"
d.words { like = "msexch-1998", set = { org = "x", sever = "y", hex = "xyz" } }
