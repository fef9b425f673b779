local d = require "dragoman"
# the two sites
d.route { refuse = "550 5.7.1 no" }
