local d = require "dragoman"
d.words { peer = "hq", hop = "branch", ["too-big"] = "x" }
