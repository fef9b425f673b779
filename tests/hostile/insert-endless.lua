-- insert-endless: a place made in what has no end
-- answer: 451 4.3.0
-- log: table.insert of more than
return function()
  table.insert(setmetatable({}, { __len = function() return 1 << 60 end,
    __index = rawlen, __newindex = rawequal }), 1, 1)
end
