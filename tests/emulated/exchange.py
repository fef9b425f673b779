#!/usr/bin/python3
"""exchange.py: Exchange 5.0 and 5.5 Internet Mail Service (IMS), emulated.

Written from KB articles: Q195201 (5.0 says XAUTH, 5.5 says AUTH, and neither
understands the other), Q262945 (a recorded session of two 5.5), Q194131
(banners), Q173656 (the LOGIN dialogue), Q242961 and Q251152 (what a user reads
when a message comes back).  NTLM is impacket's.  What no source tells is
marked "assumed".

A peer is told host, port and account, and nothing else.

    exchange.py server 5.0|5.5|5.5-fixed --port N --account FILE --store DIR
    exchange.py client 5.0|5.5|5.5-fixed --port N --account FILE \\
        --from A --to B MESSAGE-FILE

FILE holds one line, user:password.  A server says "listening on ..." and then
what is said to it and by it; each mail goes to a file in DIR.  A client
prints the conversation; it exits 0 when the mail was taken, or prints the
report that it would give the sender and exits 1.
"""
import argparse
import base64
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from emulated import ntlm, wire  # noqa: E402  (found by the line above)
from emulated.wire import b64

BUILDS = {"5.0": "5.0.1460.8", "5.5": "5.5.2232.0", "5.5-fixed": "5.5.2653.13"}

# Place in the program that made the line (protocol notes: 000B0981 is printed
# for 5.0, 000B099C for 5.5).
PLACES = {"5.0": 0x000B0981, "5.5": 0x000B099C, "5.5-fixed": 0x000B099C}


# ---- servers ----------------------------------------------------------------


class ImsServer(wire.Server):
    """What both versions have in common: the words of Q262945."""

    version = ""
    lines = ()
    verbs = {}

    def __init__(self, accounts, **options):
        options.setdefault("name", "ims{}{}.test".format(
            *self.version[:3].split(".")))
        options.setdefault("domain", "TIMDOFU")
        super().__init__(ehlo=self.lines, accounts=accounts, takes=self.verbs,
                         requires_auth=True, **options)

    def usual(self, key):
        return {
            "greeting": f"220 {self.name} ESMTP Server (Microsoft Exchange "
                        f"Internet Mail Service {BUILDS[self.version]}) ready",
            "DATA": "354 Send data.  End with CRLF.CRLF",
            "END": "250 OK",  # assumed
            "QUIT": "221 closing connection",
            "235": "235 ntlm authentication successful",
            "535": "535 authentication failed",  # assumed
            "530": "505 authentication required",  # assumed
        }[key]

    def on_ehlo(self, session, word, rest):
        lines = [f"{self.name} Hello [{rest}]"] + self.ehlo_lines(session)
        session.say("\n".join(
            "250" + ("-" if i + 1 < len(lines) else " ") + line
            for i, line in enumerate(lines)))

    def mail_reply(self, _session, mail):
        text = f"250 OK - mail from <{mail.sender}>"
        for word in mail.parameters.split():
            if word.startswith("SIZE="):
                text += f"; can accomodate {word[5:]} bytes"
        return text

    def rcpt_reply(self, to):
        return f"250 OK - Recipient <{to}>"

    def auth_ntlm(self, session, initial):
        if not initial:  # did not work there (Davenport, appendix B)
            session.say("501 syntax error")  # text assumed
            return False
        return super().auth_ntlm(session, initial)

    def auth_login(self, session, initial):
        user = super().auth_login(session, initial)
        if user:
            session.user, session.verb = user, "AUTH"
            session.say("235 LOGIN authentication successful")
            return False
        return user


class Ims50Server(ImsServer):
    """Shows XAUTH and takes it; AUTH NTLM is a command it does not know."""

    version = "5.0"
    lines = ("HELP", "SIZE 0", "DSN", "XAUTH NTLM", "XAUTH=NTLM")  # assumed
    verbs = {"XAUTH": {"NTLM"}}


class Ims55Server(ImsServer):
    """Shows LOGIN alone (Q262945) and takes NTLM all the same."""

    version = "5.5"
    lines = ("XEXCH50", "HELP", "ETRN", "DSN", "SIZE 0", "AUTH LOGIN",
             "AUTH=LOGIN")
    verbs = {"AUTH": {"NTLM", "LOGIN"}}


class Ims55FixedServer(Ims55Server):
    """Build 2394 and later: the other side of Q195201 was mended here."""

    version = "5.5-fixed"
    lines = Ims55Server.lines + ("XAUTH NTLM",)  # the line is assumed
    verbs = {"AUTH": {"NTLM", "LOGIN"}, "XAUTH": {"NTLM"}}


SERVERS = {s.version: s for s in (Ims50Server, Ims55Server, Ims55FixedServer)}


# ---- clients ----------------------------------------------------------------


@dataclass
class Outcome:
    """What became of one message."""

    is_delivered: bool
    reply: str        # the last that counted
    ndr: str          # what the sender would read, or ""
    transcript: list


class Undeliverable(Exception):
    def __init__(self, code, text, sentence):
        super().__init__(text)
        self.code, self.text, self.sentence = code, text, sentence


MISSING = "One or more mandatory argument(s) were missing from the recipient"
FAILURE = "Unable to deliver the message due to a communications failure"


class ImsClient:
    """One IMS that delivers to one host, "authentication" chosen for it."""

    def __init__(self, version, address, user, password, source=None,
                 on_line=None, name="", organization="Organization",
                 site="Site"):
        self.version = version
        self.address = address
        self.account = (user, password)
        self.source = source
        self.on_line = on_line
        self.name = name or f"IMS{version[:3].replace('.', '')}"
        self.organization, self.site = organization, site
        self.client = None

    # ---- the conversation ----

    def login_verb(self, offer):
        """5.0 needs XAUTH in the list; 5.5 does not look (Q195201)."""
        keywords = {x.replace("=", " ").split(" ")[0].upper() for x in offer}
        if self.version == "5.0":
            return "XAUTH" if "XAUTH" in keywords else None
        if self.version == "5.5-fixed" and "XAUTH" in keywords:
            return "XAUTH"
        return "AUTH"

    def log_in(self):
        c = self.client
        verb = self.login_verb(c.offer)
        if verb is None:
            # no server said this: the client says it in the server's name
            raise Undeliverable(
                3502, "502 Server does not support AUTH.", MISSING)
        user, password = self.account
        domain, _, user = user.rpartition("\\")
        domain = domain or "TIMDUMP"
        self.expect(c.ask(f"{verb} NTLM {b64(ntlm.nt4_type1(domain))}"), 334)
        challenge = c.transcript.lines[-1][3:]
        type2 = base64.b64decode(challenge[4:])
        self.expect(c.ask(b64(ntlm.nt4_type3(
            type2, user, password, domain, self.name))), 235)

    @staticmethod
    def expect(reply, code):
        if reply[0] != code:
            raise Undeliverable(3000 + reply[0], reply[1], FAILURE)
        return reply[1]

    def begin(self):
        """Connect, greet and log in: then `finish`."""
        c = self.client = wire.Client(self.address, self.source,
                                      on_line=self.on_line)
        self.expect(c.reply(), 220)
        code, text = c.ask(f"EHLO {self.name}")
        c.offer = [x[4:] for x in text.split("\n")[1:]]
        if code != 250:
            self.expect(c.ask(f"HELO {self.name}"), 250)
            c.offer = []
        self.log_in()
        return self

    def finish(self, sender, to, message):
        c = self.client
        keywords = {x.split(" ")[0] for x in c.offer}
        more = f" SIZE={len(message)}" if "SIZE" in keywords else ""
        dsn = "DSN" in keywords
        self.expect(c.ask(f"MAIL FROM:<{sender}>{more}"
                          f"{' RET=FULL' if dsn else ''}"), 250)
        self.expect(c.ask(
            f"RCPT TO:<{to}>{' NOTIFY=FAILURE,DELAY' if dsn else ''}"), 250)
        self.expect(c.ask("DATA"), 354)
        return self.expect(c.data(message), 250)

    def send(self, sender, to, message):
        """Deliver one message, or write its sender the report."""
        ndr, delivered = "", False
        try:
            self.begin()
            reply = self.finish(sender, to, message)
            delivered = True
        except Undeliverable as e:
            reply, ndr = e.text, self.ndr(to, message, e)
        except (wire.Closed, OSError) as e:
            reply = str(e)
            ndr = self.ndr(to, message, Undeliverable(
                3902, "Host Unknown", FAILURE))
        lines = []
        if self.client is not None:
            try:
                self.client.quit()
            except (wire.Closed, OSError):
                pass
            lines = self.client.transcript.lines
        return Outcome(delivered, reply, ndr, lines)

    # ---- what the sender reads ----

    def ndr(self, to, message, e):
        header = message.split(b"\r\n\r\n")[0].decode("latin-1")
        subject = ""
        for line in header.split("\r\n"):
            if line.lower().startswith("subject:"):
                subject = line[8:].strip()
        now = time.localtime()
        when = (f"{now.tm_mon}/{now.tm_mday}/{now.tm_year % 100} "
                f"{now.tm_hour % 12 or 12}:{now.tm_min:02d} "
                f"{'AM' if now.tm_hour < 12 else 'PM'}")
        stamp = time.strftime("%y%m%d%H%M%S", time.gmtime())
        return "\n".join([
            "From: System Administrator",
            f"Subject: Undeliverable: {subject}",
            "",
            "Your message did not reach some or all of the intended "
            "recipients.",
            "",
            f"      Subject:  {subject}",
            f"      Sent:     {when}",
            "",
            "The following recipient(s) could not be reached:",
            "",
            f"      '{to}' on {when}",
            f"            {e.sentence}",
            "            The MTS-ID of the original message is: c=US;a= ;"
            f"p={self.organization};l={self.name}-{stamp}Z-1",
            f"            MSEXCH:IMS:{self.organization}:{self.site}:"
            f"{self.name} {e.code} ({PLACES[self.version]:08X}) {e.text}",
            "",
        ])


# ---- commands ---------------------------------------------------------------


def run_server(a, user, password):
    server = SERVERS[a.version]({user: password}, host=a.host, port=a.port,
                                on_line=lambda line: print(line, flush=True))
    print(f"listening on {server.address}", flush=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    stored = 0
    while not stop.is_set():
        with server.changed:
            server.changed.wait_for(lambda: len(server.mails) > stored, 0.2)
        while stored < len(server.mails):
            stored += 1
            path = os.path.join(a.store, f"{stored:04d}.eml")
            with open(path, "wb") as f:
                f.write(server.mails[stored - 1].data)
    server.stop()
    return 0


def run_client(a, user, password):
    with open(a.message, "rb") as f:
        message = f.read()
    outcome = ImsClient(
        a.version, f"{a.host}:{a.port}", user, password, a.source or None,
        lambda line: print(line, flush=True)).send(a.sender, a.to, message)
    if outcome.ndr:
        print("\n" + outcome.ndr)
    return 0 if outcome.is_delivered else 1


def main():
    p = argparse.ArgumentParser()
    p.add_argument("role", choices=("server", "client"))
    p.add_argument("version", choices=sorted(SERVERS))
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--account", required=True)
    p.add_argument("--store", default=".")
    p.add_argument("--source", default="")
    p.add_argument("--from", dest="sender", default="a@hq.example")
    p.add_argument("--to", default="b@branch.example")
    p.add_argument("message", nargs="?")
    a = p.parse_args()
    with open(a.account, encoding="utf-8") as f:
        user, _, password = f.readline().rstrip("\n").partition(":")
    run = run_server if a.role == "server" else run_client
    return run(a, user, password)


if __name__ == "__main__":
    sys.exit(main())
