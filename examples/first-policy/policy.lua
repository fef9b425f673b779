-- policy: a small office hands its mail to one provider
local d = require "dragoman"

d.peer "office" { match = { address = "127.0.0.0/8" } }
d.hop "provider" { hosts = { d.vars.provider }, retry = { "1m" } }
d.route { hop = "provider" }
