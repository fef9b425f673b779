local d = require "dragoman"
d.peer "hq" { match = {}, auth = "ims" }
d.peer "branch" { match = {}, auth = true }
