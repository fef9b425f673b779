local d = require "dragoman"
local f = load "return 1"
