local d = require "dragoman"
d.words { ["55 5.1.1"] = "x" }
d.words { [550] = "x" }
d.words { ["250"] = "x" }
d.words { ["550 5.1"] = "x" }
