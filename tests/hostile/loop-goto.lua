-- loop-goto: a loop of goto alone
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  ::again::
  goto again
end
