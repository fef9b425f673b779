local d = require "dragoman"
local hop = d.hop "x"
hop { hosts = { "a.example" } }
hop { hosts = { "b.example" } }
