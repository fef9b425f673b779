local d = require "dragoman"
local home = os.getenv "HOME"
d.hop "x" { hosts = { home } }
