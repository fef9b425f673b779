-- device-ntlm_test: NTLM of any age, and LOGIN for who prefers it
local d = require "dragoman"
local t = require "dragoman.test"

d.peer "mes" {
  match = { address = "10.0.0.5" }, dialect = "device-ntlm",
  auth = { users = "devices" },
}
d.hop "mail" { hosts = { "10.1.0.5:25" }, tls = "never" }
d.route { hop = "mail" }

local function known(s) s:users("devices", { mes = "secret-1" }) end

t.case("it is shown NTLM and LOGIN", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO mes"
  c:offered { has = { "AUTH NTLM LOGIN", "AUTH=LOGIN" } }
  c:auth_login { user = "mes", password = "secret-1" }
end)

t.case("it gets in at each level, after EHLO or HELO, in lower case",
  function(s)
    known(s)
    for _, hello in ipairs { "EHLO", "HELO" } do
      for _, level in ipairs { "v1", "ntlm2", "v2" } do
        local c = s:client { from = "10.0.0.5" }
        c:says(hello .. " mes")
        c:ntlm { verb = "auth", user = "mes", password = "secret-1",
          level = level }
      end
    end
  end)

t.case("a bare NTLM is answered in words", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "HELO mes"
  c:says "AUTH NTLM"
  c:hears "334 NTLM supported"
end)

t.case("what is forgiven to a device is forgiven to it", function(s)
  known(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "HELO mes"
  c:ntlm { user = "mes", password = "secret-1" }
  c:says "MAIL FROM: a@b.example"
  c:hears "250"
end)
