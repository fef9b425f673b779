"""Peers that talk nonsense, too long, too often, or leave in the middle."""
import random
import re
import smtplib
import socket
import threading

import pytest

from emulated import wire
from emulated.wire import Closed, b64
from harness.fixtures import IMS_PASSWORD
from harness.mail import EIGHT_BIT, Report, message, without_trace
from harness.relay import until

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } %s }
d.hop "h" { hosts = { "%s" }, tls = "never" %s }
d.route { hop = "h" }
"""


@pytest.fixture
def sink():
    with wire.Server(ehlo=["PIPELINING", "SIZE 0"]) as server:
        yield server


def started(relay, sink, hop="", peer="", **config):
    return relay(POLICY % (peer, sink.address, hop), **config)


def send(r, data=None, to=("b@branch.example",)):
    with wire.Client(r.address()) as c:
        return c.greeted().mail("a@hq.example", list(to), data or message())


@pytest.mark.parametrize("end", [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n",
    b"\n\x00.\r\n"])
def test_no_second_message_is_smuggled_in(relay, sink, end):
    r = started(relay, sink)
    with wire.Client(r.address()) as c:
        c.greeted().envelope("a@hq.example", ["b@branch.example"])
        c.raw(b"Subject: one\r\n\r\nbody" + end +
              b"MAIL FROM:<evil@hq.example>\r\nRCPT TO:<x@branch.example>\r\n"
              b"DATA\r\nSubject: two\r\n\r\nsmuggled\r\n.\r\n")
        code, text = c.reply()
        assert code == 550 and "5.5.2" in text
        assert c.ask("NOOP")[0] in (250, 503)
    send(r)
    (mail,) = sink.wait_mails()
    assert b"smuggled" not in mail.data and mail.sender == "a@hq.example"


def test_long_lines_and_garbage_get_an_answer_and_cost_a_session_at_most(
        relay, sink):
    r = started(relay, sink)
    chance = random.Random(1)
    for data in (b"X" * 100000 + b"\r\n", chance.randbytes(5000) + b"\r\n",
                 b"\x00\r\n" * 50, b"EHLO " + b"a" * 3000 + b"\r\n",
                 b"AUTH NTLM " + b"A" * 20000 + b"\r\n",
                 b"XAUTH NTLM\r\nAUTH NTLM\r\n" * 500):
        with wire.Client(r.address()) as c:
            assert c.reply()[0] == 220
            c.raw(data)
            try:
                code = c.reply()[0]
                assert 400 <= code < 600, (data[:20], code)
            except Closed:
                pass
    send(r)
    sink.wait_mails()


def test_too_many_errors_end_a_session_with_421(relay, sink):
    r = started(relay, sink, limits={"errors": 5})
    with wire.Client(r.address()) as c:
        c.greeted()
        codes = [c.ask("NONSENSE")[0] for _ in range(6)]
        assert codes[-1] == 421 and set(codes[:-1]) == {500}
        assert c.is_closed()


def test_a_message_over_the_limit_is_552(relay, sink):
    r = started(relay, sink, limits={"size": "10k"})
    with wire.Client(r.address()) as c:
        c.greeted()
        assert "SIZE 10240" in c.offer
        assert c.ask("MAIL FROM:<a@hq.example> SIZE=20000")[0] == 552
        c.envelope("a@hq.example", ["b@branch.example"])
        assert c.data(message(body=b"x" * 70 + b"\r\n" * 8000))[0] == 552
    send(r)
    (mail,) = sink.wait_mails()
    assert len(mail.data) < 2000


def test_too_many_recipients_are_452(relay, sink):
    r = started(relay, sink, limits={"recipients": 3})
    with wire.Client(r.address()) as c:
        c.greeted().must("MAIL FROM:<a@hq.example>", 250)
        codes = [c.ask(f"RCPT TO:<b{i}@branch.example>")[0] for i in range(5)]
        assert codes == [250, 250, 250, 452, 452]


def test_connections_over_the_limit_of_an_address_are_421(relay, sink):
    r = started(relay, sink, limits={"connections": 3})
    clients = [wire.Client(r.address()) for _ in range(3)]
    for c in clients:
        assert c.reply()[0] == 220
    with wire.Client(r.address()) as c:
        assert c.reply()[0] == 421
    with wire.Client(r.address(), "127.0.0.77") as c:
        assert c.reply()[0] == 220  # another address
    clients[0].quit()

    def again():
        with wire.Client(r.address()) as c:
            return c.reply()[0] == 220
    until("room for another", again)
    for c in clients[1:]:
        c.quit()


def test_who_says_nothing_is_told_421_after_the_idle_time(relay, sink):
    r = started(relay, sink, limits={"idle": "300ms"})
    with wire.Client(r.address()) as c:
        assert c.reply()[0] == 220
        code, text = c.reply()
        assert code == 421 and "timeout" in text
        assert c.is_closed()


def test_who_leaves_in_the_middle_leaves_nothing_behind(relay, sink):
    r = started(relay, sink)
    for at in range(1, 6):
        with wire.Client(r.address()) as c:
            c.greeted()
            for line in ("MAIL FROM:<a@hq.example>",
                         "RCPT TO:<b@branch.example>", "DATA")[:at]:
                c.ask(line)
            if at > 3:
                c.raw(b"Subject: half\r\n\r\n" + b"x\r\n" * 10 ** at)
    until("the sessions' end", lambda: r.status("relay")[0]["sessions"] == "0")
    assert r.status("spool")[0]["accepted"] == "0"


def test_a_message_that_has_gone_round_too_often_is_refused(relay, sink):
    r = started(relay, sink, limits={"received": 5})
    loop = b"Received: from x by y; Mon, 17 Nov 1997 09:00:00 +0000\r\n" * 6
    with wire.Client(r.address()) as c:
        c.greeted().envelope("a@hq.example", ["b@branch.example"])
        code, text = c.data(loop + message())
        assert code == 554 and "5.4.6" in text


def test_eight_bit_passes_to_a_hop_without_8bitmime_as_it_came(relay, sink):
    r = started(relay, sink)
    sent = message(body=EIGHT_BIT)
    send(r, sent)
    (mail,) = sink.wait_mails()
    assert without_trace(mail.data) == sent


def test_eight_bit_is_refused_where_the_hop_says_so(relay, sink):
    with wire.Server("home.test") as home:
        r = relay("""
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", eight_bit = "refuse" }
d.hop "home" { hosts = { "%s" }, tls = "never" }
d.route { to = "hq.example", hop = "home" }
d.route { hop = "h" }
""" % (sink.address, home.address))
        send(r, message(body=EIGHT_BIT))
        (mail,) = home.wait_mails()
        assert Report(mail.data).field("Status") == "5.6.1"
        assert not sink.mails


def test_a_large_body_passes_byte_for_byte(relay, sink):
    r = started(relay, sink)
    body = b"".join(b"%08d %s\r\n" % (i, b"." * (i % 90))
                    for i in range(60000))
    sent = message(body=body)
    send(r, sent)
    (mail,) = sink.wait_mails()
    assert without_trace(mail.data) == sent
    r.wait_empty()
    until("the body's file to go", lambda: not list(
        (r.dir / "spool" / "bodies").iterdir()))


def test_many_recipients_of_one_lane_are_one_transaction(relay, sink):
    r = started(relay, sink)
    send(r, to=[f"b{i}@branch.example" for i in range(40)])
    (mail,) = sink.wait_mails()
    assert len(mail.recipients) == 40


def test_nobody_without_a_login_and_no_stranger_relays(relay, sink):
    r = started(relay, sink, peer=', auth = { users = "people" }')
    with wire.Client(r.address()) as c:
        assert c.greeted().ask("MAIL FROM:<a@hq.example>")[0] == 530
    r.write_policy('local d = require "dragoman"\n'
                   'd.route { refuse = "550 5.7.1 no" }\n')
    assert r.command("reload").returncode == 0
    with wire.Client(r.address()) as c:
        code, text = c.greeted().ask("MAIL FROM:<a@hq.example>")
        assert code == 550 and "5.7.1" in text


def test_a_wrong_password_says_the_same_as_an_unknown_user(relay, sink):
    r = started(relay, sink, peer=', auth = { users = "people" }')
    said = set()
    for user in ("alice", "nobody"):
        with wire.Client(r.address()) as c:
            c.greeted()
            code, text = c.ask(
                "AUTH PLAIN " + b64(f"\0{user}\0wrong".encode()))
            assert code == 535
            said.add(text)
    assert len(said) == 1


def test_no_raw_control_byte_of_a_peer_reaches_the_log(relay, sink):
    r = started(relay, sink, log={"format": "text"})
    with wire.Client(r.address()) as c:
        c.reply()
        c.ask("EHLO a\x1b[31mred\x07")
        c.ask("MAIL FROM:<\x01\x02@hq.example>")
    r.stop()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", r.log())


def test_who_drips_bytes_is_idle_and_holds_nobody_up(relay, sink):
    r = started(relay, sink, limits={"idle": "600ms"})
    with wire.Client(r.address()) as slow:
        assert slow.reply()[0] == 220
        stop = threading.Event()

        def drip():
            try:
                while not stop.wait(0.05):
                    slow.channel.send(b"x")
            except Closed:
                pass
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            send(r)  # meanwhile others are served
            sink.wait_mails()
            assert slow.reply()[0] == 421
        finally:
            stop.set()
            thread.join()


def test_a_session_cut_into_single_bytes_is_the_same_session(relay, sink):
    r = started(relay, sink)
    data = message(body=b".\r\n..\r\nend\r\n")
    with wire.Client(r.address()) as c:
        c.channel.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert c.reply()[0] == 220
        for line, code in ((b"EHLO client.test", 250),
                           (b"MAIL FROM:<a@hq.example>", 250),
                           (b"RCPT TO:<b@branch.example>", 250),
                           (b"DATA", 354),
                           (data.replace(b"\r\n.", b"\r\n..") + b".", 250)):
            for byte in line + b"\r\n":
                c.channel.send(bytes([byte]))
            assert c.reply()[0] == code
    (mail,) = sink.wait_mails()
    assert without_trace(mail.data) == data


def test_pipelined_commands_are_answered_in_order(relay, sink):
    r = started(relay, sink)
    with wire.Client(r.address()) as c:
        assert "PIPELINING" in c.greeted().offer
        c.raw(b"MAIL FROM:<a@hq.example>\r\nRCPT TO:<b@branch.example>\r\n"
              b"RCPT TO:<not an address>\r\nDATA\r\n")
        assert [c.reply()[0] for _ in range(4)] == [250, 250, 501, 354]
        assert c.data(message())[0] == 250
    (mail,) = sink.wait_mails()
    assert mail.recipients == ["b@branch.example"]


def test_pythons_smtplib_logs_in_and_sends(relay, sink):
    r = started(relay, sink, peer=', auth = { users = "people" }')
    host, port = r.address().rsplit(":", 1)
    with smtplib.SMTP(host, int(port), timeout=wire.PATIENCE) as s:
        s.login("alice", IMS_PASSWORD)
        assert not s.sendmail("a@hq.example", ["b@branch.example"], message())
    (mail,) = sink.wait_mails()
    assert without_trace(mail.data) == message()
