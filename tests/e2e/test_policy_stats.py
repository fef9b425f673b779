"""`dragoman policy stats`: what each line of the running policy decided."""
import re

from emulated import wire
from harness.mail import message
from harness.relay import run, until

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.peer "nobody" { match = { address = "192.0.2.1" } }
d.hop "h" { hosts = { "127.0.0.1:9" }, tls = "never", retry = { "1h" } }
d.hop "spare" { hosts = { "127.0.0.1:9" } }
d.on.recipient = function(q)
  if q.recipient == "bad@b.example" then
    return d.refuse "550 5.1.1 no"
  end
end
d.route { to = "a.example", hop = "spare" }
d.route { hop = "h" }
"""


def stats(r):
    done = run("policy", "stats", *r.options())
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {}
    for line in done.stdout.splitlines():
        m = re.match(r"\s*(\d+)  (\S.*?)\s{2,}(\S.*?)\s+(\S+):(\d+)$", line)
        if m:
            rows[int(m[5])] = (int(m[1]), m[2], m[3])
    return done.stdout, rows


def test_each_place_tells_how_often_it_decided(relay):
    r = relay(POLICY)
    for _ in range(3):
        with wire.Client(r.address()) as c:
            c.greeted().mail("a@hq.example", ["b@b.example"], message())
    with wire.Client(r.address()) as c:
        c.greeted()
        c.must("MAIL FROM:<a@b.example>", 250)
        c.must("RCPT TO:<bad@b.example>", 550)
    text, rows = stats(r)
    assert rows[13][0] == 3 and rows[13][2] == "route", text
    assert rows[13][1].endswith("ago"), text
    assert rows[9][0] == 1 and rows[9][2] == "decision", text
    assert rows[4] == (0, "never", "peer nobody"), text
    assert rows[12] == (0, "never", "route"), text
    assert rows[6] == (0, "never", "hop spare"), text
    assert rows[3][0] >= 4 and rows[3][2] == "peer people", text


def test_a_reload_counts_anew(relay):
    r = relay(POLICY)
    with wire.Client(r.address()) as c:
        c.greeted().mail("a@hq.example", ["b@b.example"], message())
    assert stats(r)[1][13][0] == 1
    assert run("reload", *r.options()).returncode == 0
    until("the second generation",
          lambda: stats(r)[0].startswith("generation 2,"))
    assert stats(r)[1][13][:2] == (0, "never")
