-- pattern-balance: brackets that never close
-- answer: 451 4.3.0
-- log: could take too long
return function()
  return (("("):rep(1000000)):find("%b()")
end
