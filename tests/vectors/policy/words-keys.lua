local d = require "dragoman"
d.words { unknown_recipient = "x" }
d.words { ["unknown-recipient"] = 5 }
d.words { [550] = "x" }
d.words { ["5.1.1"] = "x" }
d.words { ["550 5.1.1 "] = "x" }
d.words { default = "x" }
d.words { text = "x", language = "de" }
