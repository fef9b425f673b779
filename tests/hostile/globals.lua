-- globals: a global
-- answer: 451 4.3.0
-- log: policies have no globals
return function()
  leak = ("x"):rep(1000000)  -- luacheck: ignore
end
