local d = require "dragoman"
d.peer "hq" {
  match = { adress = d.vars.hq_network, listner = "ims" },
  dialect = "exchange-5,0",
  auth = { users = "IMS", mechanism = { "NTLM" } },
  tls = { ofer = false },
}
d.hop "branch" {
  hosts = { d.vars.branh },
  login = { "NTML", secret = "branch_service" },
  retry = { "1m", 5 },
  when = { ["no-common-auth"] = "bounce" },
}
d.route { to = d.vars.branch_domain, hop = "brnch" }
d.route { refuse = "550 no }" }
d.words { peer = "HQ", ["no-comon-auth"] = "{hostt}" }
