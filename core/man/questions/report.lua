-- Machines get no reports, people get one in their language.
local d = require "dragoman"

d.peer "people" { match = { address = "10.0.0.0/24" } }
d.hop "branch" { hosts = { "10.1.0.5:25" } }
d.route { hop = "branch" }

d.on.report = function(q)
  if q.sender:find("^robot%-") then return d.say { text = false } end
  if q.sender:find("%.de$") then
    return d.say {
      lang = "de", subject = "Nicht zugestellt: " .. q.subject,
      text = "Ihre Nachricht an " .. q.recipient .. " kam nicht an: "
        .. q.reply,
    }
  end
end
