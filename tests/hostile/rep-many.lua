-- rep-many: a text of 16 MiB, again and again
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  while true do pcall(string.rep, "x", 16000000) end
end
