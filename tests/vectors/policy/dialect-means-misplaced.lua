local d = require "dragoman"
d.dialect "mine" {
  means = { ["500"] = "verb-unknown", AUTH = { ["502"] = "verb-unknown" }, rcpt = { ["550"] = "user-unknown", ["5.1.1"] = "unknown-recipient" } },
}
