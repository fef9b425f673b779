-- recursion: a recursion without end
-- answer: 451 4.3.0
-- log: stack overflow|KiB of memory|ran more than|ran longer than
return function()
  local function f() return 1 + f() end
  return f()
end
