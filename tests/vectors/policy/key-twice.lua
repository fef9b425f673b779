local d = require "dragoman"
d.peer "hq" {
  match = { address = "10.0.0.1", listener = "ims", address = "10.0.0.2" },
  auth = { users = "ims" },
  ["auth"] = { users = "devices" },
}
d.words {
  ["too-big"] = "Too big.",
  ["too-old"] = function(q) local t = { a = 1 }; t = { a = 2 }; return t.a .. "" end,
  ["too-big"] = "At most {limit}.",
}
d.route { refuse = "550 5.7.1 no" }
