-- load: text that becomes a function
-- answer: 451 4.3.0
-- log: policies have no load
return function()
  return load("while true do end")()  -- luacheck: ignore
end
