local d = require "dragoman"

local common = { hosts = { "a.example" } }
d.hop("one")(common)
d.hop("two")({ hosts = { "b.example" } })
for _, name in ipairs { "three", "four" } do
  d.hop(name) { hosts = { name .. ".example:25" } }
end
for _, name in ipairs { "one", "two", "three", "four" } do
  d.route { to = name .. ".example", hop = name }
end
