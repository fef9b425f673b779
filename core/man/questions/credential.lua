-- Accounts were renamed, the copiers still use the old names.
local d = require "dragoman"

d.peer "copiers" {
  match = { address = "10.9.0.0/24" }, auth = { users = "devices" },
}

d.on.credential = function(q)
  local number = q.identity:match "^xerox(%d+)$"
  if number then return d.accept { as = "copier-" .. number } end
  if q.identity == "guest" then return d.refuse "535 5.7.8 no guests" end
end
