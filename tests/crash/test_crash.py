"""kill -9 at random instants under load: what was answered 250 is delivered.

Clients send without pause and write down every id whose end of data was
answered 250.  The relay is killed again and again, in the middle of whatever
it does, and started again.  In the end the hop must have every id that was
answered, byte for byte; twice only what was on its way when a kill came: the
last mail of a connection.  One whose 250 was read before the next was begun
never comes again.
"""
import hashlib
import os
import random
import threading

from emulated.wire import Client, Closed, Refused, Server

KILLS = int(os.environ.get("CRASH_KILLS", "100"))
CLIENTS = 8
LANE = 10  # connections to the hop: what may be under way at one kill

POLICY = """
local d = require "dragoman"
d.peer "load" { match = { address = "127.0.0.0/8" }, dialect = "rfc4954" }
d.hop "sink" { hosts = { "%s" }, tls = "never", retry = { "250ms" },
               limits = { connections = %d } }
d.route { hop = "sink" }
"""


class Load:
    """Clients that never stop, and what they were told."""

    def __init__(self):
        self.lock = threading.Condition()
        self.answered = {}   # id -> digest of its body
        self.address = None  # where the relay listens; None: it is down
        self.is_over = False
        self.threads = [threading.Thread(target=self.run, args=(n,))
                        for n in range(CLIENTS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        with self.lock:
            self.is_over = True
            self.lock.notify_all()
        for t in self.threads:
            t.join()

    def relay_is_at(self, address):
        with self.lock:
            self.address = address
            self.lock.notify_all()

    def run(self, number):
        chance = random.Random(number)
        sent = 0
        while True:
            with self.lock:
                self.lock.wait_for(lambda: self.is_over or self.address)
                if self.is_over:
                    return
                address = self.address
            try:
                with Client(address) as c:
                    c.greeted()
                    while not self.is_over:
                        sent += 1
                        self.send(c, f"{number}-{sent}", chance)
            except (OSError, Closed, Refused):
                with self.lock:  # killed: until there is another
                    self.lock.wait_for(
                        lambda: self.is_over or self.address != address, 0.2)

    def send(self, client, name, chance):
        size = chance.choice((10, 1000, 4000, 20000, 70000, 200000))
        body = chance.randbytes(size // 2).hex().encode()
        lines = b"".join(body[i:i + 76] + b"\r\n"
                         for i in range(0, len(body), 76))
        client.mail("a@load.example", ["b@sink.example"],
                    b"Subject: " + name.encode() + b"\r\n\r\n" + lines)
        with self.lock:
            self.answered[name] = hashlib.sha256(lines).hexdigest()

    def count(self):
        with self.lock:
            return len(self.answered)


class Sink(Server):
    """Knows which mails came over one connection, in order."""

    def on_data(self, session, word, rest):
        mail = session.mail
        try:
            super().on_data(session, word, rest)
        finally:
            if mail is not None and mail.data:
                session.__dict__.setdefault("mails", []).append(mail)

    def not_the_last(self):
        """id -> how often it came and was followed by another."""
        seen = {}
        for session in list(self.sessions):
            for mail in session.__dict__.get("mails", [])[:-1]:
                seen[name_of(mail)] = seen.get(name_of(mail), 0) + 1
        return seen


def name_of(mail):
    header = mail.data.partition(b"\r\n\r\n")[0]
    return header.rpartition(b"Subject: ")[2].split(b"\r\n")[0].decode()


def received(server):
    """id -> digests of the bodies that came under it."""
    got = {}
    for mail in list(server.mails):
        body = mail.data.partition(b"\r\n\r\n")[2]
        got.setdefault(name_of(mail), []).append(hashlib.sha256(body).hexdigest())
    return got


def test_what_was_answered_250_survives_kill_9_at_any_instant(relay):
    chance = random.Random()
    with Sink(ehlo=("PIPELINING", "SIZE 0")) as sink:
        r = relay(POLICY % (sink.address, LANE), start=False,
                  log={"format": "text"}, limits={"soft_end": "5s"})
        with Load() as load:
            for _ in range(KILLS):
                r.start()
                before = load.count()
                load.relay_is_at(r.address())
                # under load: something was answered in this run
                r.wait("an answer", lambda b=before: load.count() > b)
                # then any instant of the next moments
                threading.Event().wait(chance.uniform(0, 0.1))
                load.relay_is_at(None)
                r.kill()
        r.start()
        answered = dict(load.answered)
        sink.wait("everything that was answered", lambda: not (
            answered.keys() - received(sink).keys()), timeout=120)
        r.wait_empty()
        r.stop()
        got = received(sink)
        again = [n for n, times in sink.not_the_last().items()
                 if times > 1]
    wrong = [n for n, digest in answered.items() if digest not in got[n]]
    twice = sum(len(bodies) - 1 for bodies in got.values())
    print(f"{len(answered)} answered 250, {len(got)} delivered, 0 lost, "
          f"{twice} twice, {KILLS} kills")
    assert not wrong, f"changed on the way: {wrong[:5]}"
    assert len(answered) > KILLS
    assert not again, f"came again though the hop's 250 was read: {again[:5]}"
    assert twice <= KILLS * LANE
