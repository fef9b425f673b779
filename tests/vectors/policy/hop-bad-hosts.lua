local d = require "dragoman"
d.hop "a" {
  hosts = {
    "mail.example:",
    "mail.example:99999",
    "2001:db8::1",
    "[2001:db8::1",
    "",
    "smtp://mail.example",
    25,
  },
}
d.hop "b" { hosts = {} }
