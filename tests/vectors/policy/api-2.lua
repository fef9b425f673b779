local d = require "dragoman"

d.peer "scanners" {
  match = { address = "10.9.0.0/24", listener = "lan" }, dialect = "old-device",
  auth = { required = false, users = "devices" }, tls = { minimum = "1.0" },
  from = { as = "scans@example.com", reply_to = "sender" },   -- devices say anything; Microsoft takes one address
  limits = { connections = 8, size = "35M" },
}
d.hop "m365" {
  hosts = { "smtp.office365.com:587" }, dialect = "microsoft-365", tls = "verify",
  login = { "XOAUTH2", user = "scans@example.com", token = "m365" },
  limits = { connections = 3, messages = "30/min" }, give_up = "2d",
}
d.route { peer = "scanners", hop = "m365" }
d.words { hop = "m365", ["login-refused"] = "Your scan is kept and will be sent when the relay may log in again. Tell IT: {reply}" }
