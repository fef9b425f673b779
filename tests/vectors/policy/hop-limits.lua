local d = require "dragoman"
d.hop "rate" { hosts = { "a" }, limits = { messages = "30" } }
d.hop "rate2" { hosts = { "a" }, limits = { messages = 30 } }
d.hop "rate3" { hosts = { "a" }, limits = { messages = "0/min", messages_a_connection = 0 } }
d.hop "warn" { hosts = { "a" }, warn = "5d" }
d.hop "warn2" { hosts = { "a" }, warn = 4 }
d.hop "good" { hosts = { "a" }, warn = "4h", limits = { connections = 2, messages = "30/min", messages_a_connection = 5 } }
