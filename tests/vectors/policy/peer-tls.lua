local d = require "dragoman"
d.peer "a" { match = {}, tls = { offer = false, require = true } }
d.peer "b" { match = { helo = "b" }, tls = { require = "yes" } }
