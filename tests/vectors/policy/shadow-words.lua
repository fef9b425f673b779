local d = require "dragoman"
d.peer "hq" { match = { address = d.vars.hq_network } }
d.hop "branch" { hosts = { d.vars.branch } }
d.route { hop = "branch" }
d.words { ["too-big"] = "At most {limit}.", ["550"] = "No: {reply}" }
d.words {
  to = "branch.example",
  ["too-big"] = "Branch takes at most {limit}.",
  ["550 5.1.1"] = "Nobody of that name.",
  ["unknown-recipient"] = "Nobody of that name.",
}
d.words { hop = "branch", ["too-big"] = "Too big.", ["550"] = "No." }
d.words { peer = "hq", lang = "de", subject = "Unzustellbar" }
