-- string-table: other functions in string's place
-- answer: 451 4.3.0
-- log: attempt to call|no such|nil value
return function(q)
  string.find = nil
  while q do q.recipient:find("x") end
end
