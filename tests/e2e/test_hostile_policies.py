"""A hook cannot hurt: each policy of tests/hostile, under load.

A hostile file returns the recipient hook of one peer, "mallory".  Its head says
what mallory hears, and what the log says of it.  Meanwhile others send mail,
through a hook of the same Lua state: theirs goes on, whatever mallory's does.
"""
import re
import socket
import threading
from pathlib import Path

import pytest

from emulated import wire
from harness.mail import message
from harness.relay import program

HOSTILE = Path(__file__).resolve().parents[1] / "hostile"
KINDS = sorted(p.stem for p in HOSTILE.glob("*.lua"))
MALLORY = "127.0.9.1"
CALLS = 7  # five open the breaker, the others meet it
ADDRESS_SANITIZER = b"__asan_init" in Path(program()).read_bytes()

POLICY = """
local d = require "dragoman"
d.peer "mallory" { match = { address = "127.0.9.0/24" },
  on = { recipient = require "hostile" } }
d.peer "people" { match = { address = "127.0.0.0/8" } %s }
d.hop "sink" { hosts = { d.vars.sink }, tls = "never" }
d.route { hop = "sink" }
"""
# What the others' hook needs is little, but some.
FRIENDLY = """, on = { recipient = function(q)
  if #(q.sender .. q.recipient) > 1000 then return d.refuse "550 too long" end
end }"""


def head(kind):
    """{"answer": ..., "log": ...} of a hostile file."""
    text = (HOSTILE / f"{kind}.lua").read_text(encoding="utf-8")
    return dict(re.findall(r"^-- (answer|log): (.*)$", text, re.M))


class Silent:
    """Takes connections, and questions by UDP, and never answers."""

    def __enter__(self):
        self.tcp = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.tcp.getsockname()[1]
        self.name_server = "127.0.0.1:%d" % self.udp.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.tcp.close()
        self.udp.close()


class Others:
    """Send mail until they are stopped, and remember what went wrong."""

    def __init__(self, address, n=2):
        self.address = address
        self.wrong = []
        self.sent = 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True)
                        for _ in range(n)]

    def run(self):
        try:
            while not self.stopped.is_set():
                with wire.Client(self.address) as c:
                    c.greeted()
                    for _ in range(3):
                        c.mail("a@people.example", ["b@sink.example"],
                               message())
                        with self.lock:
                            self.sent += 1
                    c.quit()
        except Exception as e:  # pylint: disable=broad-except
            self.wrong.append(e)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for t in self.threads:
            t.join(wire.PATIENCE)


def start(relay, kind, sink, silent, workers):
    friendly = "" if kind == "hoard" else FRIENDLY
    r = relay(POLICY % friendly, start=False, workers=workers,
              dns={"servers": [silent.name_server]},
              vars={"sink": sink.address, "silent": silent.url},
              limits={"policy_run": "100ms", "errors": 1000,
                      "questions": {"recipient": {"wait": "300ms"}}})
    r.config["policy"]["allow"] = ["dns", "http"]
    r.write_config(r.config)
    (r.dir / "hostile.lua").write_bytes(
        (HOSTILE / f"{kind}.lua").read_bytes())
    return r.start()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_hook_costs_its_own_session_an_answer(relay, kind, workers):
    expected = head(kind)
    with wire.Server() as sink, Silent() as silent:
        r = start(relay, kind, sink, silent, workers)
        with Others(r.address()) as others:
            with wire.Client(r.address(), source=MALLORY) as c:
                c.greeted()
                c.must("MAIL FROM:<m@mallory.example>", 250)
                for _ in range(CALLS):
                    _, text = c.ask("RCPT TO:<x@sink.example>")
                    assert text.startswith(expected["answer"]), text
                    assert r.status("relay"), "status does not answer"
                    n = others.sent
                    r.wait("another's mail", lambda n=n: others.sent > n + 2
                           or others.wrong)
                    assert not others.wrong, others.wrong
                c.must("RSET", 250)
                c.must("NOOP", 250)
        assert not others.wrong, others.wrong
        assert others.sent > CALLS
        limit = 64 * (1 + workers) + 100
        if ADDRESS_SANITIZER:
            limit *= 4
        assert r.memory() < limit * 1024
        failed = r.events_of("hook-failed")
        if "log" not in expected:
            assert not failed and not r.events_of("hook-rests")
            return
        # the whole of it once, then the breaker
        assert len(failed) == 1, failed
        # where all is slow its time may be over first
        assert re.search(f"{expected['log']}|ran longer than",
                         failed[0]["error"]), failed
        assert failed[0]["question"] == "recipient"
        assert len(failed[0]["error"]) < 1100
        (rests,) = r.events_of("hook-rests")
        assert rests["failed_in_a_row"] == 5
        assert len(r.events_of("alert", name="hook-failed")) == 1
        sink.wait_mails(others.sent)


def test_thousands_of_lines_are_fifty_and_a_word_about_the_rest(relay):
    with wire.Server() as sink, Silent() as silent:
        r = start(relay, "log-lines", sink, silent, 1)
        with wire.Client(r.address(), source=MALLORY) as c:
            c.greeted()
            c.must("MAIL FROM:<m@mallory.example>", 250)
            c.must("RCPT TO:<x@sink.example>", 250)
        r.wait_event("disconnect")
        assert len(r.events_of("policy")) == 51


def test_a_breaker_lets_one_call_through_when_its_time_is_over(relay):
    """Thirty seconds are long for a test: what status and the log say at once
    is looked at here, the time itself in tests/unit/policy/call_test.c."""
    with wire.Server() as sink, Silent() as silent:
        r = start(relay, "loop", sink, silent, 1)
        with wire.Client(r.address(), source=MALLORY) as c:
            c.greeted()
            c.must("MAIL FROM:<m@mallory.example>", 250)
            for _ in range(5):
                c.must("RCPT TO:<x@sink.example>", 451)
            (rests,) = r.events_of("hook-rests")
            assert rests["for_s"] == 30
            # a reload is a new start
            assert r.reload_by_signal()["event"] == "reload"
            c.must("RCPT TO:<x@sink.example>", 451)
        with wire.Client(r.address(), source=MALLORY) as c:
            c.greeted()
            c.must("MAIL FROM:<m@mallory.example>", 250)
            c.must("RCPT TO:<x@sink.example>", 451)
        assert r.wait_event("hook-failed", 2)["times"] == 1


def test_a_question_that_is_none_is_told_at_its_line(relay):
    with wire.Server() as sink, Silent() as silent:
        r = start(relay, "loop", sink, silent, 1)
        r.config["limits"]["questions"]["recipent"] = {"wait": "1s"}
        r.write_config(r.config)
        done = r.command("check")
        assert done.returncode != 0
        assert re.search(r"dragoman\.yaml:\d+:\d+: limits\.questions: no "
                         r'question "recipent"; did you mean "recipient"\?',
                         done.stderr + done.stdout)
