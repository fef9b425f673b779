local d = require "dragoman"
local s = ("a"):rep(5000)
local at = s:find(".-.-.-b")
return at
