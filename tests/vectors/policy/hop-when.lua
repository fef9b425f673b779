local d = require "dragoman"
d.hop "a" {
  hosts = { "a" },
  when = {
    ["no-comon-auth"] = "fail",
    ["login-refused"] = "bounce",
    ["tls-failed"] = 1,
  },
}
