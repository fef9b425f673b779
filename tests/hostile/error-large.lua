-- error-large: an error of megabytes
-- answer: 451 4.3.0
-- log: x|ran longer than
return function()
  error(("x"):rep(16000000))
end
