local d = require "dragoman"
local r = require "../secrets"
