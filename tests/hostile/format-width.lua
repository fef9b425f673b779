-- format-width: format with a width
-- answer: 451 4.3.0
-- log: invalid conversion
return function()
  return ("%1000000000d"):format(1)
end
