local d = require "dragoman"

d.dialect "plant" {
  like = "rfc4954",
  offer = { "AUTH *", "AUTH=LOGIN" },
  accept = { "XAUTH" },
  say = { "AUTH", "X-EXPS" },
  assume = { "NTLM", "LOGIN" },
  login_form = "username-in-line",
  ntlm_form = "ask",
  ntlm = { take = { "v1", "lm", "ntlm2", "v2" }, send = { "v2" } },
  prompts = { login = { "User Name", "Password" }, ntlm = "NTLM supported" },
  texts = { ["235"] = "hello", ["535"] = "no" },
  helo = "either",
  mend = { "bare-lf", "space-after-colon", "no-brackets" },
  hide = { "CHUNKING", "PIPELINING" },
  show = { "SIZE" },
  means = {
    auth = { ["500"] = "verb-unknown" },
    ["*"] = { ["550 5.7.30"] = "login-refused", ["421"] = "slow-down" },
  },
}
d.peer "plant" {
  match = { address = { "10.9.0.0/16 10.8.0.1", "2001:db8::/32" }, listener = "lan", helo = "*.plant.example", user = { "svc-*", "robot" } },
  dialect = "plant",
  auth = { users = "devices", mechanisms = { "NTLM", "LOGIN" }, required = false },
  tls = { offer = true, require = true },
  limits = { connections = 8, size = "35M", recipients = 20 },
  on = {
    connect = function(_) return d.accept() end,
    credential = function(q) if q.identity == "guest" then return d.refuse "535 5.7.8 no guests" end end,
  },
}
d.hop "out" {
  hosts = { "mail.example:587", "mail2.example", "[2001:db8::1]:25" },
  dialect = "exchange-5.5-fixed", tls = "verify",
  login = { { "NTLM", secret = "partner" }, { "PLAIN", secret = "partner" } },
  helo = "relay.example", source = "10.0.0.9", limits = { connections = 3 },
  retry = { "1m", "5m", "1h" }, give_up = "2d", eight_bit = "refuse",
  when = { ["no-common-auth"] = "fail", ["login-refused"] = "next-host" },
  on = { reply = function(q) if q.code == 550 then return d.fail { meaning = "permanent" } end end },
}
d.hop "direct" { mx = true, port = 2525, loopback = true, tls = "opportunistic", warn = "4h",
  limits = { connections = 2, messages = "30/min", messages_a_connection = 5 } }
d.hop "lists" { lmtp = "unix:/run/mlmmj.sock" }
d.route { to = { "a@b.example", "*.c.example" }, from = "plant.example", peer = "plant", user = "svc-*", size = "1M", hop = "out" }
d.route { peer = "anyone", refuse = "550 no" }
d.route { ask = function(_) return d.to "out" { because = "always" } end }
d.words { to = "b.example", from = "plant.example", peer = "plant", hop = "out", lang = "de",
  subject = "Unzustellbar: {recipient}", like = "msexch-1998", set = { org = "Plant", site = "Lyon", server = "IMS1", hex = "000B099C" },
  ["too-big"] = "{size} > {limit}", ["550 5.1.1"] = "nobody", ["550"] = function(q) return q.reply end }
d.on.connect = function(_) return nil end
d.on.report = function(q) if q.meaning == "permanent" then return d.say { text = false } end end
