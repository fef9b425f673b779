local d = require "dragoman"
for _, d in ipairs { 1, 2 } do
  local x = d.foo
end
