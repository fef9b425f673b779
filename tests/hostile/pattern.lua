-- pattern: a pattern that takes hours
-- answer: 451 4.3.0
-- log: could take too long
return function()
  return (("a"):rep(400)):find(".-.-.-.-b")
end
