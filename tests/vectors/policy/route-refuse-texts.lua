local d = require "dragoman"
d.route { refuse = "no such domain" }
d.route { refuse = "550" }
d.route { refuse = "450 4.7.1 later" }
d.route { refuse = "550 4.7.1 no" }
d.route { refuse = 550 }
