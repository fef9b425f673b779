-- utf8: counting megabytes
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local s = ("x"):rep(16000000)
  while true do utf8.len(s) end
end
