-- The line to the branch is switched off at night: a web page says when.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "branch" { hosts = { "10.1.0.5:25" }, retry = { "1m" } }

local line = d.kv "line"

d.on.tick = function()
  local r = d.http.get "http://10.1.0.1/line"
  if r.status == 200 then line:set("state", r.body, { ttl = "10m" }) end
end

d.route { ask = function()
  if line:get "state" == "off" then return d.defer "451 4.4.2 line is off" end
end }
d.route { hop = "branch" }
