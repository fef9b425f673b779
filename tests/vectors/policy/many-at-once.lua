local d = require "dragoman"
d.peer "hq" { match = { adress = "10.0.0.1" }, dialect = "exchange-5.0", auth = { users = "imz" } }
d.hop "hq" { hosts = { "a:b" }, tls = "maybe", login = { "NTLM", secret = "q" } }
d.route { to = "hq.example", hop = "qh" }
d.words { ["too-bigg"] = "{hop}" }
d.on.reprot = function(q) end
