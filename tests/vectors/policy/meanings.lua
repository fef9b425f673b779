local d = require "dragoman"
d.hop "hq" {
  hosts = { "a" },
  when = { nocommonauth = "fail", ["login_refused"] = "hold", ["535"] = "fail", ["too-old"] = "next_host", ["too-big"] = d.fail {} },
}
