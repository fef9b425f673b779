local d = require "dragoman"
d.route { refuse = "5.7.1 not here" }
d.route { refuse = "550-5.7.1 not here" }
d.route { refuse = "554" }
d.route { refuse = true }
d.route { refuse = "250 ok" }
d.route { refuse = "550 5.7 not here" }
