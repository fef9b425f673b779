local d = require "dragoman"

d.hop "partner" { hosts = { "mx1.partner.example" }, tls = "verify", login = { "SCRAM-SHA-256", secret = "partner" } }
d.hop "lists"   { lmtp = "unix:/run/mlmmj.sock" }
d.hop "direct"  { mx = true, tls = "opportunistic" }

d.route { to = "partner.example", hop = "partner" }
d.route { to = "lists.example.com", hop = "lists" }
d.route { ask = function(q)
  local r = d.http.get("http://directory.internal/hop?to=" .. d.url(q.domain), { timeout = "2s" })
  if r.status == 200 then return d.to(r.body:match "^%S+" or "") { because = "directory" } end
  if r.status ~= 404 then return d.defer "451 4.4.3 directory is not answering" end
end }
d.route { user = "sales-*", hop = "direct" }
d.route { refuse = "550 5.1.2 no such domain here" }

d.words { to = "partner.example", lang = "de", ["unknown-recipient"] = "Bei {domain} gibt es {recipient} nicht." }
d.words { ["unknown-recipient"] = "No one called {recipient} works at {domain}. Check the spelling. They said: {reply}" }
