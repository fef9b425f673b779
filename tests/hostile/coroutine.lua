-- coroutine: a coroutine inside the coroutine that a hook is
-- answer: 451 4.3.0
-- log: policies have no coroutine
return function()
  return coroutine.wrap(function() while true do end end)()
end
