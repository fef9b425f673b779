-- pattern-options: a pattern of options
-- answer: 451 4.3.0
-- log: could take too long
return function()
  return (("a"):rep(60)):match(("a?"):rep(60) .. ("a"):rep(60))
end
