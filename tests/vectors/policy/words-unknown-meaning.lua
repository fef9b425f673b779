local d = require "dragoman"
d.words { ["no-comon-auth"] = "x" }
d.words { unknown_recipient = "x" }
