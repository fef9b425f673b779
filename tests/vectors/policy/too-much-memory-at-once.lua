local d = require "dragoman"
local s = ("x"):rep(15 * 1024 * 1024)
local t = { s .. 1, s .. 2, s .. 3, s .. 4, s .. 5 }
return t
