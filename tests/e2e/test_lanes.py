"""How fast and by how many connections a destination is served, and that none
waits for another.
"""
import threading
import time

import pytest

from emulated import wire
from harness.mail import message
from harness.names import NameServer
from harness.relay import until

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", retry = { "1s" }, %s }
d.hop "dead" { hosts = { "%s" }, tls = "never", retry = { "%s" } }
d.route { to = "dead.example", hop = "dead" }
d.route { hop = "h" }
"""


def policy(server, options="", dead="127.0.0.1:9", retry="1h"):
    return POLICY % (server.address, options, dead, retry)


def send(r, n=1, to="b@branch.example"):
    with wire.Client(r.address()) as c:
        c.greeted()
        for i in range(n):
            c.mail("a@hq.example", [to], message(f"m{i}"))


class Gate:
    """A server's reply that is held back until somebody opens it."""

    def __init__(self, server, key):
        self.server = server
        self.most = self.now = 0
        self.verdict = None  # as usual
        self.is_open = threading.Event()
        self.lock = threading.Condition()
        server.replies[key] = self.reply

    def reply(self, _session, _rest):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.lock.notify_all()
        self.is_open.wait(wire.PATIENCE)
        with self.lock:
            self.now -= 1
        return self.verdict

    def wait(self, n):
        with self.lock:
            assert self.lock.wait_for(lambda: self.now >= n, wire.PATIENCE)


def test_connections_grow_with_success_up_to_the_limit(relay):
    with wire.Server() as hop:
        gate = Gate(hop, "EHLO")
        r = relay(policy(hop, "limits = { connections = 4 }"), workers=1)
        send(r, 40)
        gate.wait(1)
        # nothing went well yet: there is one, and no second one
        assert gate.most == 1
        assert r.wait_status("lane", lambda x: x["hop"] == "h")[
            "in_flight"] == "40"
        gate.is_open.set()
        held = Gate(hop, "END")
        held.wait(4)
        assert held.most == 4
        held.is_open.set()
        hop.wait_mails(40)
        assert held.most == 4
        assert len(hop.sessions) == 4


SLOW_DOWN = (', on = { reply = function(q) return d.retry { '
             'slow_down = true, after = "1s" } end }')


@pytest.mark.parametrize("reply, more, left", [
    ("452 4.3.1 later", "", 4),
    ("452 4.3.1 later", SLOW_DOWN, 1),
    ("421 4.3.2 too many connections", "", 1),
    ("451 4.7.0 not so fast", "", 1),
])
def test_who_is_too_much_for_a_hop_comes_with_fewer_connections(
        relay, reply, more, left):
    """Four messages get the reply, so the number is halved four times."""
    with wire.Server() as hop:
        ends = Gate(hop, "END")
        r = relay(policy(hop, "limits = { connections = 4, "
                              "messages_a_connection = 1 }" + more), workers=1)
        send(r, 40)
        ends.wait(4)
        hellos = Gate(hop, "EHLO")
        ends.verdict = reply
        ends.is_open.set()
        hop.wait("the four to be over",
                 lambda: sum(s.is_over for s in hop.sessions) >= 4)
        r.wait_event("deliver", n=4, outcome="retry")
        hellos.wait(left)
        ends.verdict = None
        r.wait_status("lane", lambda x: x["hop"] == "h" and
                      int(x["in_flight"]) >= 36)
        assert hellos.most == left
        hellos.is_open.set()
        hop.wait_mails(40)


def test_a_rate_spreads_messages(relay):
    with wire.Server() as hop:
        r = relay(policy(hop, 'limits = { messages = "5/s" }'), workers=1)
        began = time.monotonic()
        send(r, 11)
        hop.wait_mails(11)
        took = time.monotonic() - began
        assert 2.0 <= took < 6, took
        # one connection was enough, and it was used again
        assert len(hop.sessions) <= 2


def test_what_waits_for_its_rate_is_asked_about_anew_by_a_reload(relay):
    with wire.Server() as hop:
        r = relay(policy(hop, 'limits = { messages = "1/h" }'), workers=1)
        send(r, 5)
        hop.wait_mails(1)
        r.write_policy(policy(hop, ""))
        assert r.command("reload").returncode == 0
        hop.wait_mails(5)


def test_what_waits_for_its_rate_does_not_keep_the_relay_from_ending(relay):
    with wire.Server() as hop:
        r = relay(policy(hop, 'limits = { messages = "1/h" }'), workers=1,
                  limits={"soft_end": "20s"})
        send(r, 5)
        hop.wait_mails(1)
        began = time.monotonic()
        r.stop()
        assert time.monotonic() - began < 10
        r.write_policy(policy(hop, ""))
        r.start()
        hop.wait_mails(5)
        assert len(hop.mails) == 5


def test_a_connection_carries_as_many_messages_as_the_hop_wants(relay):
    with wire.Server() as hop:
        r = relay(policy(hop, "limits = { connections = 1, "
                              "messages_a_connection = 3 }"), workers=1)
        send(r, 9)
        hop.wait_mails(9)
        hop.wait_sessions(3)
        assert [s.transcript.said("C").count("DATA")
                for s in hop.sessions[:3]] == [3, 3, 3]


def test_retry_times_differ_a_little(relay):
    with wire.Server(replies={"RCPT": "450 4.2.0 later"}) as hop:
        r = relay(policy(hop).replace('"1s"', '"100s"', 1))
        send(r, 30)
        r.wait_event("deliver", n=30, outcome="retry")
        waits = [int(e["next_in_ms"]) for e in r.events_of("deliver")]
        assert min(waits) >= 89900 and max(waits) <= 110000, waits
        assert max(waits) - min(waits) > 5000, waits


def test_all_lanes_share_a_number_of_connections(relay, free_port):
    """Six domains, two connections; none waits for ever."""
    zone = {f"d{i}.example": {"A": ["127.0.0.2"]} for i in range(6)}
    with NameServer(zone) as names, \
            wire.Server(host="127.0.0.2", port=free_port()) as hop:
        gate = Gate(hop, "END")
        port = hop.address.rpartition(":")[2]
        r = relay("""
            local d = require "dragoman"
            d.peer "people" { match = { address = "127.0.0.0/8" } }
            d.hop "direct" { mx = true, port = %s, loopback = true }
            d.route { hop = "direct" }""" % port, workers=1,
                  dns={"servers": [names.address]},
                  limits={"hop_connections": 2})
        for i in range(6):
            send(r, 2, f"b@d{i}.example")
        gate.wait(2)
        assert r.wait_status("relay", lambda x: x["attempts"] == "12")
        assert gate.most == 2
        gate.is_open.set()
        # well before an idle connection would be closed for its age
        hop.wait_mails(12, timeout=4)
        assert gate.most == 2


def rate_of(r, hop, n):
    had = len(hop.mails)
    began = time.monotonic()
    send(r, n)
    hop.wait_mails(had + n)
    return n / (time.monotonic() - began)


def test_a_dead_hop_with_thousands_of_messages_slows_no_other(relay):
    with wire.Server() as hop:
        r = relay(policy(hop, 'limits = { connections = 4 }', retry="1s"))
        alone = max(rate_of(r, hop, 200) for _ in range(3))
        threads = [threading.Thread(target=send, args=(r, 1250,
                                                       "x@dead.example"))
                   for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        lane = r.wait_status("lane", lambda x: x["hop"] == "dead")
        assert int(lane["waiting"]) + int(lane["in_flight"]) >= 5000, lane
        # all of them want to be tried each second
        tried = len(r.events_of("deliver", hop="dead"))
        began = time.monotonic()
        beside = max(rate_of(r, hop, 200) for _ in range(3))
        until("two seconds", lambda: time.monotonic() - began > 2)
        took = time.monotonic() - began
        tried = len(r.events_of("deliver", hop="dead")) - tried
        print(f"alone {alone:.0f}/s, beside {beside:.0f}/s, in vain "
              f"{tried / took:.0f}/s")
        assert beside > alone / 4, (alone, beside)
        # one hundred in hand, one failure for all of them, one second of rest
        assert 0 < tried <= 100 * (took + 2), (tried, took)
