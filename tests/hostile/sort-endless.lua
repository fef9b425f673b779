-- sort-endless: sorting what has no end
-- answer: 451 4.3.0
-- log: table.sort of more than
return function()
  table.sort(setmetatable({}, {
    __len = function() return 1 << 30 end, __index = rawlen }))
end
