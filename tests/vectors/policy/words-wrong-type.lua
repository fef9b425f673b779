local d = require "dragoman"
d.words { ["too-big"] = { "x" }, lang = "de DE", subject = 5 }
