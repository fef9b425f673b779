local d = require "dragoman"
d.peer "a" {
  match = { cert = "x" },
  session = "live",
  hop = "x",
  login = "through",
  from = { as = "a@b.example" },
  limits = { messages = "30/min" },
  tls = { minimum = "1.0" },
}
