-- internet-and-lists_test: who gets what, and what happens when it is slow
local t = require "dragoman.test"

t.case("each domain is a delivery of its own", function(s)
  s:accept { from = "a@hq.example",
    to = { "x@One.example", "y@one.example", "z@two.example" } }
  local mails = s:hop("internet"):received()
  t.equal(#mails, 2)
  local counts = { #mails[1].to, #mails[2].to }
  table.sort(counts)
  t.equal(counts[2], 2)
  t.contains(s:hop("internet"):transcript(), "mx:internet/one.example")
  t.empty(s.queue)
end)

t.case("a list that cannot take it stops no other", function(s)
  s:hop("lists"):script { END = function(_, to)
    if to == "full@lists.example" then return "452 4.2.2 over quota" end
    if to == "closed@lists.example" then return "550 5.7.1 closed" end
  end }
  s:accept { from = "a@hq.example", to = { "news@lists.example",
    "full@lists.example", "closed@lists.example" } }
  s:settle()
  t.equal(#s.queue, 1)
  t.equal(s.queue[1].to, "full@lists.example")
  t.equal(s.queue[1].meaning, "mailbox-full")
  t.contains(s:hop("lists"):transcript(), "C: LHLO ")
  t.contains(s:report().body, "closed@lists.example")
  s:hop("lists"):script { END = "250 2.0.0 ok" }
  s:advance "1m"
  t.empty(s.queue)
end)

t.case("the sender is told of a delay once, and of the end", function(s)
  -- who is told is at hq.example, and there everything is well
  s:hop("internet"):script { RCPT = function(_, to)
    if to == "b@slow.example" then return "450 4.2.0 later" end
  end }
  s:accept { from = "a@hq.example", to = "b@slow.example" }
  s:advance "3h"
  t.equal(#s:hop("internet").messages, 0)
  s:advance "1h"
  local r = s:report()
  t.equal(r.action, "delayed")
  t.equal(r.status:sub(1, 2), "4.")
  t.equal(r.to, "a@hq.example")
  t.contains(r.body, "\nWill-Retry-Until: ")
  t.contains(r.text, "450 4.2.0 later")
  s:advance "4d"
  t.equal(#s:hop("internet").messages, 1)
  t.equal(#s.queue, 1)
  s:advance "1d"
  t.equal(#s:hop("internet").messages, 2)
  t.equal(s:report().action, "failed")
  t.empty(s.queue)
end)

t.case("mail that comes through in the end leaves no word", function(s)
  s:hop("internet"):script { RCPT = "450 4.2.0 later" }
  s:accept { from = "a@hq.example", to = "b@slow.example" }
  s:advance "3h"
  s:hop("internet"):script { RCPT = "250 2.1.5 ok" }
  s:advance "45m"
  t.equal(#s:hop("internet"):received(), 1)
  s:advance "10d"
  t.equal(#s:hop("internet"):received(), 1)
end)

t.case("nobody is told that a report is late", function(s)
  s:hop("internet"):script { RCPT = "450 4.2.0 later" }
  s:accept { from = "", to = "b@slow.example" }
  s:advance "4d"
  s:hop("internet"):script { RCPT = "250 2.1.5 ok" }
  s:advance "5h"
  t.equal(#s:hop("internet"):received(), 1)
  t.empty(s.queue)
end)

t.case("the partner gets no more than thirty a minute", function(s)
  for _ = 1, 40 do
    s:accept { from = "a@hq.example", to = "b@partner.example" }
  end
  -- three at once, and one each two seconds or so
  t.equal(#s:hop("partner"):received(), 3)
  for _ = 1, 50 do s:advance "1s" end
  local n = #s:hop("partner"):received()
  t.equal(n >= 25 and n <= 30, true)
  for _ = 1, 50 do s:advance "1s" end
  t.equal(#s:hop("partner"):received(), 40)
end)

t.case("a greeting that refuses is the host's trouble, not the mail's",
  function(s)
    s:hop("internet"):script { greeting = "554 5.3.2 not in service" }
    s:accept { from = "a@hq.example", to = "b@one.example" }
    s:settle()
    t.equal(s.queue[1].meaning, "temporary")
    s:hop("internet"):script { greeting = "220 hop.lab.test" }
    s:advance "5m"
    t.empty(s.queue)
  end)
