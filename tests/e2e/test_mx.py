"""Mail by MX: a name server and its hosts on addresses of loopback."""
import pytest

from emulated import wire
from harness.mail import Report, message
from harness.names import NameServer

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "direct" { mx = true, port = %d, tls = "never", %s }
d.hop "home" { hosts = { "%s" }, tls = "never" }
d.route { to = "hq.example", hop = "home" }
d.route { hop = "direct" }
"""


class Net:
    """A port that is the same at many addresses, and who serves there."""

    def __init__(self, port, make_relay):
        self.port = port
        self.make_relay = make_relay
        self.servers = {}
        self.home = wire.Server("home.test")
        self.names = None

    def host(self, address, **options):
        self.servers[address] = wire.Server(f"at-{address}", host=address,
                                            port=self.port, **options)
        return self.servers[address]

    def relay(self, zone, options="loopback = true", **more):
        self.names = NameServer(zone)
        return self.make_relay(
            POLICY % (self.port, options, self.home.address),
            dns={"servers": [self.names.address]},
            **{"hostname": "relay.test", **more})

    def stop(self):
        for s in (*self.servers.values(), self.home):
            s.stop()
        if self.names:
            self.names.__exit__()


@pytest.fixture
def net(relay, free_port):
    made = Net(free_port(), relay)
    yield made
    made.stop()


def send(r, *to, sender="a@hq.example", subject="hello"):
    with wire.Client(r.address()) as c:
        return c.greeted().mail(sender, list(to), message(subject))


def failed(net):
    (mail,) = net.home.wait_mails()
    return Report(mail.data)


def test_the_best_preference_comes_first_and_the_next_when_it_is_gone(net):
    worst = net.host("127.0.0.3")
    best = net.host("127.0.0.2")
    r = net.relay({
        "a.example": {"MX": [(20, "mx2.a.example"), (10, "mx1.a.example"),
                             (5, "gone.a.example")]},
        "gone.a.example": {"A": ["127.0.0.9"]},
        "mx1.a.example": {"A": ["127.0.0.2"]},
        "mx2.a.example": {"A": ["127.0.0.3"]}})
    send(r, "b@a.example", "c@A.example")
    (mail,) = best.wait_mails()
    assert mail.recipients == ["b@a.example", "c@A.example"]
    event = r.wait_event("deliver", to="b@a.example")
    assert event["hop"] == "direct"
    assert event["host"] == f"mx1.a.example:{net.port}"
    assert "127.0.0.9" in r.wait_event("hop", domain="a.example")["said"]
    best.stop()
    send(r, "b@a.example")
    worst.wait_mails()


def test_each_domain_has_its_lane_and_a_sick_one_stops_no_other(net):
    well = net.host("127.0.0.2")
    sick = net.host("127.0.0.3", replies={"MAIL": "451 4.3.0 later"})
    r = net.relay({
        "well.example": {"MX": [(10, "mx.well.example")]},
        "mx.well.example": {"A": ["127.0.0.2"]},
        "sick.example": {"MX": [(10, "mx.sick.example")]},
        "mx.sick.example": {"A": ["127.0.0.3"]}},
        'loopback = true, retry = { "1h" }')
    send(r, "x@sick.example", "b@well.example")
    well.wait_mails()
    sick.wait("MAIL", lambda: "MAIL" in sick.commands())
    r.wait_event("deliver", to="x@sick.example", outcome="retry")
    lane = r.wait_status("lane", lambda x: x.get("domain") == "sick.example"
                         and x["in_flight"] == "0")
    assert (lane["hop"], lane["waiting"]) == ("direct", "1")
    for name in ("direct", "direct/sick.example"):
        done = r.command("queue", "list", "--hop", name)
        assert "x@sick.example" in done.stdout, done.stdout + done.stderr
    done = r.command("queue", "list", "--hop", "dir")
    assert "x@sick.example" not in done.stdout
    sick.replies.clear()
    assert r.command("queue", "retry", "--hop", "direct").returncode == 0
    sick.wait_mails()


def test_a_domain_without_mx_is_its_own_host_and_a_cname_is_followed(net):
    own = net.host("127.0.0.2")
    r = net.relay({
        "plain.example": {"A": ["127.0.0.2"]},
        "alias.example": {"CNAME": "real.example"},
        "real.example": {"MX": [(10, "also.example")]},
        "also.example": {"CNAME": "plain.example"}})
    send(r, "b@plain.example")
    send(r, "b@alias.example")
    mails = own.wait_mails(2)
    assert sorted(m.recipients[0] for m in mails) == [
        "b@alias.example", "b@plain.example"]


def test_an_address_in_brackets_needs_no_name_server(net):
    own = net.host("127.0.0.2")
    r = net.relay({})
    send(r, "b@[127.0.0.2]")
    own.wait_mails()
    assert r.wait_event("deliver")["host"] == f"127.0.0.2:{net.port}"
    assert not net.names.asked


def test_equal_preferences_share_the_load(net):
    hosts = [net.host(f"127.0.0.{i}") for i in (2, 3)]
    r = net.relay({
        "a.example": {"MX": [(10, "mx1.example"), (10, "mx2.example")]},
        "mx1.example": {"A": ["127.0.0.2"]},
        "mx2.example": {"A": ["127.0.0.3"]}},
        "loopback = true, limits = { messages_a_connection = 1 }")
    for i in range(40):  # 2 ** -39 that one gets all
        send(r, f"b{i}@a.example")
    r.wait_empty()
    counts = [len(h.mails) for h in hosts]
    assert sum(counts) == 40 and min(counts) > 0, counts


def test_an_ipv6_host_is_tried_first_and_the_ipv4_one_after_it(net):
    v4 = net.host("127.0.0.2")
    r = net.relay({
        "a.example": {"MX": [(10, "mx.example")]},
        "mx.example": {"A": ["127.0.0.2"], "AAAA": ["::1"]}})
    send(r, "b@a.example")
    v4.wait_mails()
    assert "[::1]" in r.wait_event("hop", domain="a.example")["said"]


@pytest.mark.parametrize("domain, status, words", [
    ("nowhere.example", "5.1.2", "does not exist"),
    ("null.example", "5.1.10", "takes no mail"),
    ("empty.example", "5.1.2", "neither an MX record nor an address"),
    ("local.example", "5.4.4", "no address which mail can be sent to"),
    ("unspecified.example", "5.4.4", "no address which mail can be sent to"),
    ("localhost.example", "5.4.4", "no address which mail can be sent to"),
    ("lost.example", "5.4.4", "has an address"),
    ("ours.example", "5.4.6", "loops back to us"),
    ("behind.example", "5.4.6", "loops back to us"),
    ("[127.0.0.1]", "5.4.4", "no address which mail can be sent to"),
])
def test_who_has_no_server_is_told_at_once_and_in_words(net, domain, status,
                                                        words):
    other = net.host("127.0.0.5")
    r = net.relay({
        "null.example": {"MX": [(0, ".")]},
        "empty.example": {"TXT": ["v=spf1 -all"]},
        "local.example": {"MX": [(10, "mx.local.example")]},
        "mx.local.example": {"A": ["127.0.0.5"]},
        "unspecified.example": {"MX": [(10, "zero.example")]},
        "zero.example": {"A": ["0.0.0.0"], "AAAA": ["::"]},
        "localhost.example": {"MX": [(10, "localhost")]},
        "lost.example": {"MX": [(10, "a.nowhere.example"),
                                (20, "b.nowhere.example")]},
        "ours.example": {"MX": [(10, "relay.test")]},
        "behind.example": {"MX": [(10, "Relay.Test"),
                                  (10, "equal.example"),
                                  (20, "mx.local.example")]},
        "equal.example": {"A": ["198.51.100.1"]},
        "relay.test": {"A": ["198.51.100.2"]}}, "loopback = false")
    send(r, f"b@{domain}")
    report = failed(net)
    assert report.field("Status") == status
    assert words in report.field("Diagnostic-Code")
    assert words in " ".join(report.text.split())
    assert not r.queue()
    assert not other.sessions


def test_our_own_address_among_the_mx_ends_the_list_there(net):
    better = net.host("127.0.0.2")
    worse = net.host("127.0.0.4")
    r = net.relay({
        "a.example": {"MX": [(10, "mx1.example"), (20, "us.example"),
                             (30, "mx3.example")]},
        "b.example": {"MX": [(20, "us.example"), (30, "mx3.example")]},
        "mx1.example": {"A": ["127.0.0.2"]},
        "us.example": {"A": ["127.0.0.3"]},
        "mx3.example": {"A": ["127.0.0.4"]}},
        'loopback = true, retry = { "1h" }',
        listeners={"main": {"address": f"127.0.0.3:{net.port}"}})
    send(r, "x@b.example")
    assert "loops back" in failed(net).text
    send(r, "x@a.example")
    better.wait_mails()
    better.stop()
    send(r, "x@a.example")
    # the worse one is not called, though the better one is gone
    r.wait_event("deliver", to="x@a.example", outcome="retry")
    assert not worse.sessions


@pytest.mark.parametrize("sick", ["SERVFAIL", "silent"])
def test_a_sick_name_server_fails_no_mail(net, sick):
    host = net.host("127.0.0.2")
    r = net.relay({"a.example": sick, "mx.example": {"A": ["127.0.0.2"]}},
                  'loopback = true, retry = { "1s" }',
                  limits={"connect": "2s"})
    send(r, "b@a.example")
    event = r.wait_event("deliver", outcome="retry")
    assert event["meaning"] == "unreachable"
    assert "mail servers of a.example are not known" in event["reply"]
    net.names.zone["a.example"] = {"MX": [(10, "mx.example")]}
    host.wait_mails()


def test_a_reload_moves_what_waits_to_the_lanes_of_its_hop(net):
    host = net.host("127.0.0.2")
    r = net.relay({"a.example": {"A": ["127.0.0.2"]}},
                  'loopback = true, retry = { "1s" }')
    r.write_policy(POLICY.replace("mx = true, port = %d,",
                                  'hosts = { "127.0.0.1:%d" },')
                   % (9, 'retry = { "1s" }', net.home.address))
    assert r.command("reload").returncode == 0
    send(r, "b@a.example")
    r.wait_event("deliver", outcome="retry")
    r.write_policy(POLICY % (net.port, "loopback = true", net.home.address))
    assert r.command("reload").returncode == 0
    host.wait_mails()
    assert r.wait_event("deliver", outcome="delivered")["hop"] == "direct"


@pytest.mark.parametrize("greeting", ["554 5.3.2 no service here", "450 busy"])
def test_a_host_whose_greeting_refuses_leaves_the_mail_to_the_next(net,
                                                                   greeting):
    net.host("127.0.0.2", replies={"greeting": greeting})
    next_one = net.host("127.0.0.3")
    r = net.relay({
        "a.example": {"MX": [(10, "mx1.example"), (20, "mx2.example")]},
        "mx1.example": {"A": ["127.0.0.2"]},
        "mx2.example": {"A": ["127.0.0.3"]}})
    send(r, "b@a.example")
    next_one.wait_mails()


def test_a_greeting_that_refuses_fails_mail_only_where_a_policy_says_so(net):
    net.host("127.0.0.2", replies={"greeting": "554 5.3.2 no service here"})
    zone = {"a.example": {"A": ["127.0.0.2"]}}
    r = net.relay(zone, 'loopback = true, retry = { "1h" }')
    send(r, "b@a.example")
    event = r.wait_event("deliver", outcome="retry")
    assert event["meaning"] == "temporary"
    r.write_policy(POLICY % (
        net.port, 'loopback = true, retry = { "1h" }, on = { reply = '
        'function(q) if q.stage == "greeting" and q.code == 554 then return '
        'd.fail { because = "it never will" } end end }', net.home.address))
    assert r.command("reload").returncode == 0
    send(r, "c@a.example")
    assert "no service here" in failed(net).field("Diagnostic-Code")
