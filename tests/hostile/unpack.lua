-- unpack: a table of many as arguments
-- answer: 451 4.3.0
-- log: table.unpack of more than
return function()
  return table.unpack({}, 1, 1 << 30)
end
