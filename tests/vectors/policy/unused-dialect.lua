local d = require "dragoman"
d.dialect "base" { say = { "AUTH" } }
d.dialect "mine" { like = "base", login_form = "initial" }
d.dialect "theirs" { say = { "XAUTH" } }
d.peer "hq" { match = {}, dialect = "mine", auth = { users = "ims" } }
d.route { refuse = "550 5.7.1 no" }
