local d = require "dragoman"
while true do
  pcall(function()
    while true do end
  end)
end
