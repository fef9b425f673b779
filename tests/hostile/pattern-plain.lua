-- pattern-plain: a long text that is almost in a longer one
-- answer: 451 4.3.0
-- log: could take too long
return function()
  return (("a"):rep(2000000)):find(("a"):rep(1000000) .. "b", 1, true)
end
