local d = require "dragoman"
d.words { like = "msexch" }
d.words { like = { "en" } }
d.words { like = "words/en" }
d.words { set = { organisation = "Firm", site = 5 }, like = "msexch-1998" }
