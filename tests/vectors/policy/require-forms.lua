local d = require "dragoman"
local routes = require "routes.lua"
