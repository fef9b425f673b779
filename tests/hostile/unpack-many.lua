-- unpack-many: the same below that, again and again
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  while true do select("#", table.unpack({}, 1, 900000)) end
end
