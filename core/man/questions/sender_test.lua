-- sender_test: envelope and header are rewritten, and answers find their way
local t = require "dragoman.test"

t.case("the hop sees one sender, Reply-To the one who scanned", function(s)
  local c = s:client { from = "10.9.0.5" }
  c:says "EHLO scanner"
  c:mail { from = "copier@floor2.local", to = "a@b.example",
    body = "From: Floor 2 <copier@floor2.local>\nSubject: scan\n\nhello" }
  local m = s:hop("outside"):received()[1]
  t.equal(m.from, "scans@example.com")
  t.contains(m.body, "From: Floor 2 <scans@example.com>")
  t.contains(m.body, "Reply-To: Floor 2 <copier@floor2.local>")
end)

t.case("what has no sender is refused", function(s)
  local c = s:client { from = "10.9.0.5" }
  c:says "EHLO scanner"
  c:says "MAIL FROM:<>"
  c:hears "550 5.7.1 no reports"
end)
