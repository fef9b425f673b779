local d = require "dragoman"
d.peer "branch" {
  match = { adress = "10.0.0.1" },
  auth = { user = "ims" },
}
