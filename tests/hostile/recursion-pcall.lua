-- recursion-pcall: a recursion through pcall
-- answer: 451 4.3.0
-- log: ran more than|ran longer than|overflow
return function()
  local function f() pcall(f) pcall(f) end
  f()
  while true do f() end
end
