local d = require "dragoman"
d.peer "branch" {
  match = { address = "10.0.0.1" },
  dialekt = "exchange-5.5",
}
