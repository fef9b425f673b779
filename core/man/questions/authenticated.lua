-- The service account may log in with NTLM alone.
local d = require "dragoman"

d.peer "apps" {
  match = { address = "10.9.0.0/24" },
  auth = { users = "apps", mechanisms = { "NTLM", "PLAIN" } },
}

d.on.authenticated = function(q)
  if q.user == "service" and q.mechanism ~= "NTLM" then
    return d.refuse "535 5.7.8 this account logs in with NTLM"
  end
end
