-- gsub-many: gsub with functions of C
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local s = ("x"):rep(1000000)
  while true do s:gsub(".", tostring) end
end
