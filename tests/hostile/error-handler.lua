-- error-handler: an error inside the error handler
-- answer: 451 4.3.0
-- log: ran more than|ran longer than
return function()
  while true do xpcall(error, function(e) error(e) end, "x") end
end
