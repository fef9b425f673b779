-- unpack-format: a format of megabytes
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local s = ("x"):rep(16000000)
  while true do pcall(string.unpack, s, s) end
end
