"""STARTTLS both ways: shown, taken, required, verified, and not injected."""
import pytest

from emulated import wire
from harness.mail import Report, message

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "%s" }
d.route { hop = "h" }
"""


def listener(authority, mode=None):
    crt, key = authority.certificate("relay.test")
    tls = {"certificate": str(crt), "key": str(key)}
    if mode:
        tls["mode"] = mode
    return {"main": {"address": "127.0.0.1:0", "tls": tls}}


def send(r):
    with wire.Client(r.address()) as c:
        c.greeted().mail("a@hq.example", ["b@branch.example"], message())


# ---- as a server ---------------------------------------------------------------


def test_a_session_goes_on_encrypted_and_the_trace_says_so(relay, authority):
    with wire.Server() as sink:
        r = relay(POLICY % (sink.address, "never"),
                  listeners=listener(authority))
        with wire.Client(r.address()) as c:
            c.greeted()
            assert "STARTTLS" in c.offer
            c.start_tls(authority.client())
            assert "STARTTLS" not in c.offer
            c.mail("a@hq.example", ["b@branch.example"], message())
        (mail,) = sink.wait_mails()
        assert b"with ESMTPS" in mail.data and b"TLSv1.3" in mail.data


def test_what_was_said_before_starttls_is_forgotten(relay, authority):
    with wire.Server() as sink:
        r = relay(POLICY % (sink.address, "never"),
                  listeners=listener(authority))
        with wire.Client(r.address()) as c:
            c.greeted()
            c.must("STARTTLS", 220)
            c.channel.start_tls(authority.client(),
                                server_hostname="relay.test")
            assert c.ask("MAIL FROM:<a@hq.example>")[0] == 503


def test_plain_text_behind_starttls_ends_the_session(relay, authority):
    with wire.Server() as sink:
        r = relay(POLICY % (sink.address, "never"),
                  listeners=listener(authority))
        with wire.Client(r.address()) as c:
            c.greeted()
            c.raw(b"STARTTLS\r\nMAIL FROM:<evil@hq.example>\r\n")
            assert c.is_closed()
        assert not sink.mails


def test_garbage_for_a_handshake_ends_that_session_alone(relay, authority):
    with wire.Server() as sink:
        r = relay(POLICY % (sink.address, "never"),
                  listeners=listener(authority))
        with wire.Client(r.address()) as c:
            c.greeted()
            c.must("STARTTLS", 220)
            c.raw(b"this is no client hello\r\n" * 10)
            assert c.is_closed()
        send(r)
        sink.wait_mails()


def test_a_listener_may_begin_with_tls(relay, authority):
    with wire.Server() as sink:
        r = relay(POLICY % (sink.address, "never"),
                  listeners=listener(authority, "implicit"))
        with wire.Client(r.address()) as c:
            c.channel.start_tls(authority.client(),
                                server_hostname="relay.test")
            c.greeted().mail("a@hq.example", ["b@branch.example"], message())
        sink.wait_mails()


# ---- as a client ---------------------------------------------------------------


@pytest.mark.parametrize("tls", ["verify", "require", "opportunistic"])
def test_a_hop_with_a_good_certificate_gets_mail_encrypted(
        relay, authority, tls):
    context = authority.server("hop.test", "IP:127.0.0.1")
    with wire.Server(tls=context) as hop:
        r = relay(POLICY % (hop.address, tls), tls={"ca": str(authority.ca)})
        send(r)
        (mail,) = hop.wait_mails()
        assert mail.is_tls


def test_never_means_in_clear(relay, authority):
    with wire.Server(tls=authority.server("hop.test")) as hop:
        r = relay(POLICY % (hop.address, "never"))
        send(r)
        (mail,) = hop.wait_mails()
        assert not mail.is_tls


@pytest.mark.parametrize("tls", ["verify", "require"])
def test_a_hop_without_starttls_is_held_and_told_nothing(relay, tls):
    with wire.Server() as hop:
        r = relay(POLICY % (hop.address, tls))
        send(r)
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "tls-failed"
        assert "MAIL" not in hop.commands()


def test_opportunistic_goes_on_in_clear_without_starttls(relay):
    with wire.Server() as hop:
        r = relay(POLICY % (hop.address, "opportunistic"))
        send(r)
        (mail,) = hop.wait_mails()
        assert not mail.is_tls


def test_a_certificate_for_another_name_holds_the_hop(relay, authority):
    with wire.Server(tls=authority.server("other.test")) as hop:
        r = relay(POLICY % (hop.address, "verify"),
                  tls={"ca": str(authority.ca)})
        send(r)
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "tls-failed", lane
        assert "MAIL" not in hop.commands()


def test_require_takes_any_certificate(relay, authority):
    with wire.Server(tls=authority.server("other.test")) as hop:
        r = relay(POLICY % (hop.address, "require"))
        send(r)
        (mail,) = hop.wait_mails()
        assert mail.is_tls


def test_a_reload_takes_a_new_certificate(relay, authority, tmp_path):
    with wire.Server() as sink:
        crt, key = tmp_path / "c.pem", tmp_path / "k.pem"
        first = authority.certificate("first.test")
        crt.write_bytes(first[0].read_bytes())
        key.write_bytes(first[1].read_bytes())
        r = relay(POLICY % (sink.address, "never"), listeners={
            "main": {"address": "127.0.0.1:0", "tls": {
                "certificate": str(crt), "key": str(key)}}})
        with wire.Client(r.address()) as c:
            c.greeted()
            c.start_tls(authority.client(), "first.test")
        second = authority.certificate("second.test")
        crt.write_bytes(second[0].read_bytes())
        key.write_bytes(second[1].read_bytes())
        assert r.command("reload").returncode == 0
        with wire.Client(r.address()) as c:
            c.greeted()
            c.start_tls(authority.client(), "second.test")


def test_a_report_of_a_held_tls_hop_says_so(relay):
    with wire.Server() as hop, wire.Server("home.test") as home:
        r = relay("""
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "require", give_up = "1s" }
d.hop "home" { hosts = { "%s" }, tls = "never" }
d.route { to = "hq.example", hop = "home" }
d.route { hop = "h" }
""" % (hop.address, home.address))
        send(r)
        mails = home.wait_mails(2)  # the alert, and the report
        report = next(Report(m.data) for m in mails
                      if b"multipart/report" in m.data)
        assert "secure connection" in report.text
        assert report.field("Status").startswith("5.")
