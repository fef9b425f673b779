-- "Out of disk" at the branch passes by itself; a blocked address does not.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "branch" {
  hosts = { "10.1.0.5:25" },
  on = {
    reply = function(q)
      if q.reply:find("disk", 1, true) then
        return d.retry { after = "30m", because = "their disk is full" }
      end
      if q.stage == "mail" and q.code == 554 then
        return d.hold { alert = "branch-blocks-us" }
      end
    end,
  },
}
d.route { hop = "branch" }
