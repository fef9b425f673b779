"""A hop that talks nonsense, too long, too slow, or leaves in the middle costs
one attempt, is reported in words, and disturbs no other.
"""
import socket
import threading

import pytest

from emulated import wire
from harness.mail import Report, message, without_trace

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "bad" { hosts = { %s }, tls = "never", retry = { "1h" } %s }
d.hop "good" { hosts = { "%s" }, tls = "never" }
d.route { to = "bad.example", hop = "bad" }
d.route { hop = "good" }
"""


class RawHop(wire.Watched):
    """Runs `talk(socket)` for each connection; then the connection ends."""

    def __init__(self, talk):
        super().__init__()
        self.talk = talk
        self.n = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.n += 1
                self.changed.notify_all()
            threading.Thread(target=self.run, args=(sock,),
                             daemon=True).start()

    def run(self, sock):
        sock.settimeout(wire.PATIENCE)
        with sock:
            try:
                self.talk(sock)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def until_closed(sock):
    while sock.recv(65536):
        pass


def say(*pieces):
    """Says each piece after a line came (the first at once), then waits."""
    def talk(sock):
        for i, piece in enumerate(pieces):
            if i and not sock.recv(65536):
                return
            sock.sendall(piece)
        until_closed(sock)
    return talk


def hang_up_after(*pieces):
    def talk(sock):
        for i, piece in enumerate(pieces):
            if i and not sock.recv(65536):
                return
            sock.sendall(piece)
        sock.recv(65536)
    return talk


def endless(sock):
    while True:
        sock.sendall(b"220-" + b"more and more\r\n220-" * 1000 + b"\r\n")


def trickle(sock):
    """A reply that never ends, a byte at a time: no pause is too long."""
    sock.sendall(b"220 ")
    stop = threading.Event()
    while not stop.wait(0.05):
        sock.sendall(b"x")


def deaf(sock):
    """Takes the commands and never reads a body."""
    for reply in (b"220 hop\r\n", b"250 hop\r\n", b"250 ok\r\n", b"250 ok\r\n",
                  b"354 go\r\n"):
        sock.sendall(reply)
        if reply[:1] != b"3" and not sock.recv(4096):
            return
    threading.Event().wait(wire.PATIENCE)


OK = (b"220 hop\r\n", b"250 hop\r\n", b"250 ok\r\n", b"250 ok\r\n",
      b"354 go\r\n")

HOPS = {
    "closes at once": lambda sock: None,
    "says nothing": until_closed,
    "greets with garbage": say(b"\x00\xff\x16\x03\x01nonsense\r\n"),
    "greets with a code of two digits": say(b"22 hop\r\n"),
    "greets with 999": say(b"999 hop\r\n"),
    "a line of a megabyte": say(b"220 " + b"x" * 1000000 + b"\r\n"),
    "a reply without end": endless,
    "a line without end": trickle,
    "changes its code in the middle": say(OK[0], b"250-hop\r\n550 no\r\n"),
    "hangs up after EHLO": hang_up_after(OK[0], b""),
    "hangs up at MAIL": hang_up_after(*OK[:2], b""),
    "hangs up in the data": hang_up_after(*OK),
    "answers twice": say(OK[0], b"250 hop\r\n250 hop\r\n250 x\r\n250 x\r\n"),
    "354 to MAIL": say(*OK[:2], b"354 go\r\n"),
    "250 to DATA": say(*OK[:4], b"250 ok\r\n"),
    "never reads the body": deaf,
    "resets": lambda sock: sock.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"),
}


def send(r, to, data=None):
    with wire.Client(r.address()) as c:
        return c.greeted().mail("a@hq.example", [to], data or message())


@pytest.mark.parametrize("what", HOPS)
def test_a_hop_that_is_no_smtp_server_costs_one_attempt(relay, what):
    with RawHop(HOPS[what]) as bad, wire.Server() as good:
        r = relay(POLICY % (f'"{bad.address}"', "", good.address),
                  limits={"reply": "500ms", "data": "500ms",
                          "connect": "2s"})
        large = message(body=b"0123456789abcdef\r\n" * 300000)
        send(r, "x@bad.example", large if what == "never reads the body"
             else None)
        event = r.wait_event("deliver", to="x@bad.example")
        assert event["outcome"] == "retry", event
        assert event["reply"], event
        assert bad.n == 1
        # told in words, and without a byte that could move a terminal
        (line,) = r.queue()
        assert "because" in line and line.isprintable(), line
        send(r, "y@good.example")
        good.wait_mails()


def test_the_next_host_is_tried_when_one_cannot_be_reached(relay, free_port):
    with wire.Server() as good:
        r = relay(POLICY % (f'"127.0.0.1:{free_port()}", "{good.address}"', "",
                            good.address))
        send(r, "x@bad.example")
        good.wait_mails()
        assert r.wait_event("deliver")["outcome"] == "delivered"


def test_a_hop_that_has_gone_is_tried_again_and_nobody_is_told(
        relay, free_port):
    port = free_port()
    r = relay((POLICY % (f'"127.0.0.1:{port}"', "", "127.0.0.1:9"))
              .replace('"1h"', '"200ms"'))
    send(r, "x@bad.example")
    r.wait_event("deliver", n=2, outcome="retry")
    with wire.Server(port=port) as hop:
        (mail,) = hop.wait_mails()
        assert without_trace(mail.data) == message()
        r.wait_empty()
    assert not r.events_of("report")


def test_a_reply_lost_after_the_final_dot_is_told_and_the_mail_sent_again(
        relay):
    def lose_once(session, _):
        if len(hop.sessions) == 1:
            session.channel.sock.shutdown(socket.SHUT_RDWR)

    with wire.Server(replies={"END": lose_once}) as hop:
        r = relay((POLICY % (f'"{hop.address}"', "", hop.address))
                  .replace('"1h"', '"200ms"'))
        send(r, "x@bad.example")
        r.wait_event("in-doubt")
        hop.wait_mails(2)  # it had the first, whoever was told so
        r.wait_empty()
        assert hop.mails[0].data == hop.mails[1].data


def test_a_hostile_challenge_gets_no_response(relay):
    """Type 2 messages cut and bent: broken off, and the hop is held."""
    challenges = iter([
        b"NTLMSSP\0\2\0\0\0", b"A" * 3000, b"",
        b"NTLMSSP\0\2\0\0\0" + b"\xff" * 60,
        # target name past the end
        b"NTLMSSP\0\2\0\0\0\x0e\0\x0e\0\xf0\xff\xff\xff" + bytes(40),
    ])

    def auth(session, _):
        session.say("334 " + wire.b64(next(challenges)))
        answer = session.hear()
        return "501 cancelled" if answer == "*" else "235 so be it"

    with wire.Server(ehlo=["AUTH NTLM"], replies={"AUTH": auth}) as hop, \
            wire.Server() as good:
        r = relay(POLICY % (f'"{hop.address}"',
                            ', login = { "NTLM", secret = "service" }',
                            good.address))
        send(r, "x@bad.example")
        for n in range(1, 6):
            r.wait_event("deliver", n=n, outcome="held")
            if n < 5:
                assert r.command("reload").returncode == 0
        assert "MAIL" not in hop.commands()
        for session in hop.wait_sessions(5):
            assert session.transcript.said("C")[-2:] == ["*", "QUIT"]


def test_a_hop_that_says_250_to_a_login_is_not_believed_to_know_us(relay):
    """250 to the verb line, no challenge: our login took no place."""
    with wire.Server(ehlo=["AUTH NTLM"],
                     replies={"AUTH": "250 2.0.0 Ok"}) as hop, \
            wire.Server() as good:
        r = relay(POLICY % (f'"{hop.address}"',
                            ', login = { "NTLM", secret = "service" }',
                            good.address))
        send(r, "x@bad.example")
        r.wait_event("deliver", outcome="held")
        assert "MAIL" not in hop.commands()


def test_a_report_about_a_silent_hop_says_what_happened(relay):
    with RawHop(until_closed) as bad, wire.Server() as home:
        r = relay(POLICY % (f'"{bad.address}"', ', give_up = "1s"',
                            home.address), limits={"reply": "300ms"})
        send(r, "x@bad.example")
        (mail,) = home.wait_mails()
        report = Report(mail.data)
        assert bad.address in report.text
        assert "did not answer in time" in report.field("Diagnostic-Code")
        assert report.field("Status").startswith("5.")


def test_a_hop_that_never_answers_quit_holds_up_nobody(relay):
    def quit_unheard(session, _):
        session.hear()

    with wire.Server(replies={"QUIT": quit_unheard}) as hop:
        r = relay((POLICY % (f'"{hop.address}"', "", hop.address)),
                  limits={"messages_a_connection": 1, "lane_connections": 1,
                          "reply": "60s"})
        for i in range(2):
            send(r, f"x{i}@bad.example")
        hop.wait_mails(2)


def test_a_hop_that_takes_one_connection_gets_all_by_that_one(relay):
    """Its refusal of a second one is no verdict on those that wait."""
    lock = threading.Lock()
    has_all_come = threading.Event()

    def greet(session, _):
        if lock.acquire(blocking=False):  # the first, for ever
            return "220 hop"
        return "421 4.3.2 too many connections"

    def take(session, _):
        has_all_come.wait(wire.PATIENCE)

    with wire.Server(replies={"greeting": greet, "MAIL": take}) as hop:
        r = relay((POLICY % (f'"{hop.address}"', "", hop.address)),
                  limits={"lane_connections": 2})
        for i in range(6):
            send(r, f"x{i}@bad.example")
        r.wait_event("deliver", outcome="retry")
        has_all_come.set()
        hop.wait_mails(5)
        assert len(r.events_of("deliver", outcome="retry")) == 1
