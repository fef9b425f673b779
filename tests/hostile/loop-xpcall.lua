-- loop-xpcall: a loop whose error handler loops
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  local function f() while true do end end
  while true do xpcall(f, f) end
end
