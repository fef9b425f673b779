-- policy_test: what the office may rely on
local t = require "dragoman.test"

t.case("mail goes to the provider", function(s)
  s:accept { client = "127.0.0.1", from = "a@office.example",
    to = "b@b.example" }
  s:settle()
  t.equal(#s:hop("provider"):received(), 1)
  t.empty(s.queue)
end)
