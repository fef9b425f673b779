local d = require "dragoman"
d.on.connect = "refuse"
