local d = require "dragoman"
d.peer "a" {
  match = {},
  on = {
    reply = function(q) end,
    relay = function(q) end,
    conect = function(q) end,
    offer = "XAUTH",
    route = function(q) end,
  },
}
