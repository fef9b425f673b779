local d = require "dragoman"
local r = require "site.routes"
