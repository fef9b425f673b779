-- Nobody but the two sites gets as far as a greeting.
local d = require "dragoman"

d.peer "sites" { match = { address = "10.0.0.0/24, 10.1.0.0/24" } }

d.on.connect = function(q)
  if q.peer == "anyone" then
    return d.refuse "554 5.7.1 this relay joins two sites only"
      { because = "address " .. q.address }
  end
end
