local d = require "dragoman"
d.dialect "mine" {
  means = {
    auht = { ["500"] = "verb-unknown" },
    auth = { ["500"] = "verb-unkown", ["5xx"] = "permanent", [502] = "verb-unknown" },
    ["*"] = { ["550 5.7"] = "login-refused", ["421"] = 5 },
    data = "permanent",
  },
}
