"""Hooks that wait for name servers and web servers: the one worker does not."""
import http.server
import socket
import struct
import threading

import pytest

from emulated import wire
from harness.mail import message

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "127.0.0.1:9" }, tls = "never", retry = { "1h" } }
d.hop "spare" { hosts = { "127.0.0.1:9" }, tls = "never", retry = { "1h" } }

d.on.recipient = function(q)
  if not d.find(q.domain, ".mx.example") then return end
  local mx, why, sentence = d.dns.mx(q.domain)
  if mx then
    local best = mx[1]
    return d.refuse("550 5.7.1 " .. #mx .. " " .. best.preference .. " " .. best.host)
  end
  if why == "no such name" then return d.refuse("550 5.1.2 " .. sentence) end
  return d.defer("451 4.4.3 " .. sentence)
end

d.route { ask = function(q)
  local url = "http://web.example:" .. d.vars.port .. "/" .. d.url(q.domain)
  local r = d.http.get(url, {
    timeout = q.domain == "late.example" and "500ms" or "15s",
  })
  if r.status == 200 then return d.to(r.body) end
  if r.status == 404 then return d.refuse "550 5.1.2 not in the directory" end
  return d.defer("451 4.4.3 " .. (r.error or "status " .. r.status))
end }
"""


class Directory(http.server.ThreadingHTTPServer):
    """/x.example is on hop "h"; /silent.example and /late.example are answered
    when `go` says so."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.silent = threading.Semaphore(0)  # one for each that waits
        self.go = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # a client that did not wait for its answer

    def stop(self):
        self.go.set()
        self.shutdown()
        self.server_close()


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        domain = self.path[1:]
        if domain in ("silent.example", "late.example"):
            self.server.silent.release()
            self.server.go.wait(60)
        body = b"h" if domain == "x.example" else b"nobody"
        self.send_response(200 if body == b"h" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Names:
    """A name server: A of web.example, MX of good.mx.example."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.at = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, who = self.socket.recvfrom(2000)
            except OSError:
                return
            answer = self.answer(query)
            if answer is not None:
                self.socket.sendto(answer, who)

    @staticmethod
    def answer(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        name, end = ".".join(labels), at + 5
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        records, code = [], 0
        if name == "web.example":
            records = [b"\x7f\0\0\1"] if kind == 1 else []
        elif name == "good.mx.example":
            if kind == 15:
                records = [b"\0\x14\x01b\xc0\x0c", b"\0\x0a\x01a\xc0\x0c"]
        elif name == "ill.mx.example":
            code = 2
        elif name == "silent.mx.example":
            return None
        else:
            code = 3
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1,
                                       len(records), 0, 0)
        return head + query[12:end] + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(r)) + r
            for r in records)

    def stop(self):
        self.socket.close()


@pytest.fixture
def directory():
    made = Directory()
    yield made
    made.stop()


@pytest.fixture
def names():
    made = Names()
    yield made
    made.stop()


@pytest.fixture
def asking(relay, directory, names):
    r = relay(POLICY, workers=1, dns={"servers": [names.at]}, start=False,
              vars={"port": str(directory.server_address[1])},
              limits={"soft_end": "300ms"})
    r.config["policy"]["allow"] = ["dns", "http", "find", "url"]
    r.write_config(r.config)
    return r.start()


def rcpt(r, to):
    with wire.Client(r.address()) as c:
        c.greeted()
        c.must("MAIL FROM:<a@b.example>", 250)
        return c.ask(f"RCPT TO:<{to}>")


def waiting_for_silence(r):
    """A client whose RCPT waits for an answer that does not come."""
    c = wire.Client(r.address())
    c.greeted()
    c.must("MAIL FROM:<a@b.example>", 250)
    c.send("RCPT TO:<c@silent.example>")
    return c


def test_answers_decide(asking):
    assert rcpt(asking, "c@x.example")[0] == 250
    assert rcpt(asking, "c@y.example") == (
        550, "550 5.1.2 not in the directory")
    assert rcpt(asking, "c@good.mx.example") == (
        550, "550 5.7.1 2 10 a.good.mx.example")
    code, text = rcpt(asking, "c@none.mx.example")
    assert (code, text) == (550, "550 5.1.2 no such name: none.mx.example")
    code, text = rcpt(asking, "c@ill.mx.example")
    assert code == 451 and "server failed: ill.mx.example" in text
    code, text = rcpt(asking, "c@late.example")
    assert code == 451 and "did not answer within 500ms" in text


def test_one_worker_serves_all_while_hooks_wait(asking, directory):
    slow = [waiting_for_silence(asking) for _ in range(8)]
    for _ in slow:
        assert directory.silent.acquire(timeout=10)
    for _ in range(10):
        with wire.Client(asking.address()) as c:
            c.greeted().mail("a@b.example", ["c@x.example"], message())
    directory.go.set()  # had the others waited, their time would be over
    for c in slow:
        assert c.reply() == (550, "550 5.1.2 not in the directory")
        c.quit()


def test_a_name_server_that_is_silent_holds_up_nobody(asking):
    slow = wire.Client(asking.address())
    slow.greeted()
    slow.must("MAIL FROM:<a@b.example>", 250)
    slow.send("RCPT TO:<c@silent.mx.example>")
    for _ in range(5):
        assert rcpt(asking, "c@x.example")[0] == 250
    code, text = slow.reply()
    assert code == 451 and "no answer in time: silent.mx.example" in text
    slow.quit()


def test_clients_that_leave_while_hooks_wait_leave_nothing(asking, directory):
    slow = [waiting_for_silence(asking) for _ in range(30)]
    for _ in range(8):
        assert directory.silent.acquire(timeout=10)
    for c in slow:
        c.channel.close()
    directory.go.set()
    assert rcpt(asking, "c@x.example")[0] == 250
    assert not asking.events_of("hook-failed")


def test_a_stop_drops_hooks_that_wait(asking, directory):
    slow = [waiting_for_silence(asking) for _ in range(3)]
    for _ in slow:
        assert directory.silent.acquire(timeout=10)
    asking.stop()
    for c in slow:
        assert c.is_closed()
        c.channel.close()
