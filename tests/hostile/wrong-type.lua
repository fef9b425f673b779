-- wrong-type: no decision at all
-- answer: 451 4.3.0
-- log: answered with a table
return function()
  return { kind = "accept" }
end
