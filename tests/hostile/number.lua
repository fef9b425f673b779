-- number: a number of millions of digits
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local s = ("1"):rep(16000000)
  while true do tonumber(s) end
end
