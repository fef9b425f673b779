local d = require "dragoman"
d.dialect "mine" { texts = { ["235"] = "fine\nand more", ["2350"] = "x", [235] = "y" } }
