"""wire.py: SMTP by hand: lines with a transcript, a client, and a server that a
test can script.

Plain threads and sockets with time-outs.  Whoever waits does so on a condition
with a deadline, never by sleeping.
"""
import base64
import socket
import ssl
import threading
from dataclasses import dataclass, field

PATIENCE = 30.0  # seconds: nothing that works takes as long
REPORTS = []  # all mail without a sender that any server here was given


def b64(data):
    return base64.b64encode(data).decode("ascii")


class Watched:
    """Something that changes, and can be waited for."""

    def __init__(self):
        self.changed = threading.Condition()

    def tell(self):
        with self.changed:
            self.changed.notify_all()

    def wait(self, what, predicate, timeout=PATIENCE):
        with self.changed:
            if not self.changed.wait_for(predicate, timeout):
                raise TimeoutError(f"waited {timeout} s for {what}")
        return predicate()


class Transcript(Watched):
    """What was said, in order: "C: ..." and "S: ..."."""

    def __init__(self, on_line=None):
        super().__init__()
        self.lines = []
        self.on_line = on_line

    def add(self, who, line):
        with self.changed:
            self.lines.append(f"{who}: {line}")
            self.changed.notify_all()
        if self.on_line:
            self.on_line(f"{who}: {line}")

    def said(self, who):
        return [x[3:] for x in list(self.lines) if x.startswith(who)]

    def text(self):
        return "\n".join(self.lines)


class Closed(Exception):
    """The other end is gone."""


class Channel:
    """A socket read by lines, or to the end of a message."""

    def __init__(self, sock, timeout=PATIENCE):
        self.sock = sock
        self.unread = b""
        sock.settimeout(timeout)

    def fill(self):
        try:
            piece = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError) as e:
            raise Closed(str(e)) from e
        if not piece:
            raise Closed("end of file")
        self.unread += piece

    def line(self):
        while b"\r\n" not in self.unread:
            self.fill()
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line.decode("latin-1")

    def body(self):
        """Up to CRLF.CRLF and nothing else (RFC 5321 4.1.1.4)."""
        if not self.unread.startswith(b".\r\n"):
            at = 0
            while (at := self.unread.find(b"\r\n.\r\n", max(0, at))) < 0:
                at = len(self.unread) - 4
                self.fill()
            raw, self.unread = self.unread[:at + 2], self.unread[at + 5:]
        else:
            raw, self.unread = b"", self.unread[3:]
        raw = raw.replace(b"\r\n.", b"\r\n")
        return raw[1:] if raw.startswith(b".") else raw

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError) as e:
            raise Closed(str(e)) from e

    def start_tls(self, context, **how):
        assert not self.unread
        self.sock = context.wrap_socket(self.sock, **how)

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass


# ---- client -----------------------------------------------------------------


class Refused(Exception):
    """A reply other than the one hoped for."""


class Client:
    """Says lines, reads replies, and can log in and send mail."""

    def __init__(self, address, source=None, timeout=PATIENCE, on_line=None):
        host, port = address.rsplit(":", 1)
        self.transcript = Transcript(on_line)
        self.channel = Channel(socket.create_connection(
            (host, int(port)), timeout, (source, 0) if source else None))
        self.offer = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def reply(self):
        """(code, whole text): the next reply."""
        lines = []
        while True:
            line = self.channel.line()
            self.transcript.add("S", line)
            lines.append(line)
            if line[3:4] != "-":
                return int(line[:3]), "\n".join(lines)

    def send(self, line):
        self.transcript.add("C", line)
        self.channel.send(line.encode("latin-1") + b"\r\n")

    def raw(self, data):
        self.transcript.add("C", f"[{len(data)} bytes]")
        self.channel.send(data)

    def ask(self, line):
        self.send(line)
        return self.reply()

    def must(self, line, code):
        got, text = self.ask(line)
        if got != code:
            raise Refused(f"{line[:60]} -> {text}")
        return text

    def greeted(self, helo="client.test"):
        code, text = self.reply()
        if code != 220:
            raise Refused(text)
        self.ehlo(helo)
        return self

    def ehlo(self, helo="client.test"):
        text = self.must(f"EHLO {helo}", 250)
        self.offer = [x[4:] for x in text.split("\n")[1:]]
        return self.offer

    def start_tls(self, context, name="relay.test"):
        self.must("STARTTLS", 220)
        self.channel.start_tls(context, server_hostname=name)
        return self.ehlo()

    def login_plain(self, user, password):
        return self.ask("AUTH PLAIN " + b64(f"\0{user}\0{password}".encode()))

    def login_scram(self, mechanism, user, password, binding=None,
                    verb="AUTH"):
        """The last reply; and AssertionError when the server's proof is none."""
        from . import sasl
        client = sasl.scram_client(mechanism, user, password, binding)
        code, text = self.ask(f"{verb} {mechanism} {b64(next(client))}")
        while code == 334:
            try:
                said = client.send(base64.b64decode(text[4:]))
            except StopIteration as end:
                assert end.value, "the server's proof is none"
                said = b""
            code, text = self.ask(b64(said))
        return code, text

    def envelope(self, sender, recipients):
        self.must(f"MAIL FROM:<{sender}>", 250)
        for to in recipients:
            self.must(f"RCPT TO:<{to}>", 250)
        self.must("DATA", 354)

    def data(self, message):
        """The message as bytes with CRLF; its end; the reply."""
        if not message.endswith(b"\r\n"):
            raise ValueError("a message ends with CRLF")
        stuffed = message.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self.raw(stuffed + b".\r\n")
        return self.reply()

    def mail(self, sender, recipients, message):
        """The reply to the end of the data; must be 250."""
        self.envelope(sender, recipients)
        code, text = self.data(message)
        if code != 250:
            raise Refused(text)
        return text

    def is_closed(self):
        """Waits for the end of file, reading on."""
        try:
            while True:
                self.channel.unread = b""
                self.channel.fill()
        except Closed:
            return True
        except TimeoutError:
            return False

    def quit(self):
        try:
            self.ask("QUIT")
        finally:
            self.channel.close()


# ---- server -----------------------------------------------------------------


@dataclass
class Mail:
    sender: str
    recipients: list = field(default_factory=list)
    data: bytes = b""
    user: str = ""
    verb: str = ""  # what the login was said in
    parameters: str = ""  # of MAIL
    is_tls: bool = False


class Session:
    """One connection to a Server: its state, and what was said in it."""

    def __init__(self, server, sock):
        self.server = server
        self.channel = Channel(sock)
        self.transcript = Transcript(server.on_line)
        self.user = self.verb = self.kind = ""
        self.is_tls = False
        self.is_over = False
        self.mail = None

    def say(self, text):
        for line in text.split("\n"):
            self.transcript.add("S", line)
        self.channel.send(text.replace("\n", "\r\n").encode("latin-1")
                          + b"\r\n")

    def hear(self):
        line = self.channel.line()
        self.transcript.add("C", line)
        return line

    def run(self):
        server = self.server
        try:
            self.say(server.text("greeting", self, ""))
            while not self.is_over:
                line = self.hear()
                word = line.replace("=", " ").split(" ")[0].upper()
                rest = line[len(word) + 1:]
                scripted = server.scripted(word, self, rest)
                if scripted is not None:
                    self.say(scripted)
                    if scripted.startswith("421"):
                        break
                else:
                    handler = getattr(server, "on_" + word.lower(), None)
                    if handler is None:
                        handler = server.on_unknown
                    handler(self, word, rest)
        except (Closed, OSError):
            pass
        finally:
            self.is_over = True
            self.channel.close()
            self.transcript.tell()
            server.tell()


class Server(Watched):
    """A server that takes everything, until it is told otherwise.

    replies: what to say instead: {"MAIL": "550 no"}; keys are verbs, "greeting"
    and "END"; a value is a text, or a function of (session, argument) that may
    return None for "as usual".  takes: verb -> mechanisms that work.
    """

    def __init__(self, name="hop.test", ehlo=("SIZE 0", "8BITMIME"),
                 accounts=None, takes=None, requires_auth=False, replies=None,
                 tls=None, ntlm_style="nt4", domain="HOPDOM",
                 host="127.0.0.1", port=0, on_line=None):
        super().__init__()
        self.name = name
        self.ehlo = list(ehlo)
        self.accounts = dict(accounts or {})
        self.takes = dict(takes or {})
        self.scram = {}  # more for sasl.scram_server
        self.requires_auth = requires_auth
        self.replies = dict(replies or {})
        self.tls = tls
        self.ntlm_style = ntlm_style
        self.domain = domain
        self.on_line = on_line
        self.sessions = []
        self.mails = []
        self.listener = socket.create_server((host, port), backlog=128)
        self.address = "%s:%d" % self.listener.getsockname()[:2]
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """No new connections, and the open ones go."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for session in list(self.sessions):
            try:
                session.channel.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, sock)
            with self.changed:
                self.sessions.append(session)
                self.changed.notify_all()
            threading.Thread(target=session.run, daemon=True).start()

    # ---- what tests ask ----

    def wait_mails(self, n=1, timeout=PATIENCE):
        self.wait(f"{n} mails at {self.name}, has {len(self.mails)}",
                  lambda: len(self.mails) >= n, timeout)
        return list(self.mails)

    def wait_sessions(self, n=1, timeout=PATIENCE):
        """n sessions that are over."""
        self.wait(f"{n} sessions at {self.name}",
                  lambda: sum(s.is_over for s in self.sessions) >= n, timeout)
        return list(self.sessions)

    def transcript(self):
        return "\n".join(s.transcript.text() for s in list(self.sessions))

    def commands(self):
        """First words that clients said, in order."""
        return [line.split(" ")[0] for s in list(self.sessions)
                for line in s.transcript.said("C")]

    # ---- replies ----

    def scripted(self, key, session, rest):
        value = self.replies.get(key)
        return value(session, rest) if callable(value) else value

    def text(self, key, session, rest, usual=None):
        value = self.scripted(key, session, rest)
        return value if value is not None else usual or self.usual(key)

    def usual(self, key):
        return {
            "greeting": f"220 {self.name} ESMTP",
            "MAIL": "250 OK",
            "RCPT": "250 OK",
            "DATA": "354 go ahead",
            "END": "250 OK taken",
            "QUIT": "221 bye",
            "235": "235 logged in",
            "535": "535 no",
            "530": "530 authentication required",
        }[key]

    # ---- verbs ----

    def ehlo_lines(self, session):
        lines = list(self.ehlo)
        if self.tls and not session.is_tls and "STARTTLS" not in lines:
            lines.append("STARTTLS")
        return lines

    def on_ehlo(self, session, _word, _rest):
        lines = [f"{self.name} Hello"] + self.ehlo_lines(session)
        session.say("\n".join(
            "250" + ("-" if i + 1 < len(lines) else " ") + line
            for i, line in enumerate(lines)))

    def on_helo(self, session, _word, _rest):
        session.say("250 OK")

    def on_noop(self, session, _word, _rest):
        session.say("250 OK")

    def on_rset(self, session, _word, _rest):
        session.mail = None
        session.say("250 OK")

    def on_quit(self, session, _word, rest):
        session.say(self.text("QUIT", session, rest))
        session.is_over = True

    def on_starttls(self, session, word, rest):
        if not self.tls:
            self.on_unknown(session, word, rest)
            return
        session.say("220 go ahead")
        session.channel.start_tls(self.tls, server_side=True)
        session.is_tls = True
        session.user = session.verb = ""

    def on_unknown(self, session, word, rest):
        if word in self.takes:
            self.auth(session, word, rest)
        else:
            session.say("500 command not recognized")

    def on_mail(self, session, _word, rest):
        if self.requires_auth and not session.user:
            session.say(self.text("530", session, rest))
            return
        path, _, parameters = rest.partition(">")
        session.mail = Mail(path.partition("<")[2], user=session.user,
                            verb=session.verb, parameters=parameters.strip(),
                            is_tls=session.is_tls)
        session.say(self.mail_reply(session, session.mail))

    def mail_reply(self, _session, _mail):
        return self.usual("MAIL")

    def on_rcpt(self, session, _word, rest):
        if session.mail is None:
            session.say("503 MAIL first")
            return
        to = rest.partition("<")[2].partition(">")[0]
        session.mail.recipients.append(to)
        session.say(self.rcpt_reply(to))

    def rcpt_reply(self, _to):
        return self.usual("RCPT")

    def on_data(self, session, _word, rest):
        mail = session.mail
        if mail is None or not mail.recipients:
            session.say("503 RCPT first")
            return
        session.say(self.usual("DATA"))
        mail.data = session.channel.body()
        session.mail = None
        session.transcript.add("C", f"[{len(mail.data)} bytes]")
        if not mail.sender:
            REPORTS.append(mail.data)
        reply = self.text("END", session, rest)
        if reply.startswith("2"):
            with self.changed:
                self.mails.append(mail)
                self.changed.notify_all()
        session.say(reply)

    # ---- logins ----

    def auth(self, session, verb, rest):
        mechanism, _, initial = rest.partition(" ")
        mechanism = mechanism.upper()
        if mechanism not in self.takes[verb]:
            session.say("504 mechanism not supported")
            return
        if mechanism.startswith("SCRAM"):
            user = self.auth_scram(session, mechanism, initial)
        elif mechanism in ("XOAUTH2", "OAUTHBEARER"):
            user = self.auth_bearer(session, mechanism, initial)
        else:
            name = "auth_" + mechanism.lower().replace("-", "_")
            user = getattr(self, name)(session, initial)
        if user:
            session.user, session.verb = user, verb
            session.say(self.usual("235"))
        elif user is not False:
            session.say(self.text("535", session, rest))

    def challenge(self, session, text):
        session.say("334 " + text)
        answer = session.hear()
        try:
            return base64.b64decode(answer, validate=True)
        except ValueError:
            return b""

    def auth_login(self, session, initial):
        if initial:
            user = base64.b64decode(initial)
        else:
            user = self.challenge(session, b64(b"Username:"))
        password = self.challenge(session, b64(b"Password:"))
        user, password = user.decode(), password.decode()
        return user if self.accounts.get(user) == password else None

    def auth_plain(self, session, initial):
        answer = (base64.b64decode(initial) if initial
                  else self.challenge(session, ""))
        _, user, password = answer.decode().split("\0")
        return user if self.accounts.get(user) == password else None

    def auth_by(self, session, make, initial):
        """make(first): a server of sasl.py."""
        from . import sasl
        first = base64.b64decode(initial) if initial not in ("", "=") else None

        def say_and_hear(text):
            session.say("334 " + b64(text))
            return base64.b64decode(session.hear(), validate=True)  # no "*"
        return sasl.serve(make(first), say_and_hear)

    def auth_scram(self, session, mechanism, initial):
        from . import sasl
        binding = None
        if mechanism.endswith("-PLUS"):
            binding = ("tls-unique",
                       session.channel.sock.get_channel_binding("tls-unique"))
        return self.auth_by(session, lambda first: sasl.scram_server(
            mechanism, self.accounts, binding, first, **self.scram), initial)

    def auth_bearer(self, session, mechanism, initial):
        from . import sasl
        return self.auth_by(session, lambda first: sasl.bearer_server(
            mechanism, self.accounts, first), initial)

    def auth_cram_md5(self, session, initial):
        from . import sasl
        return self.auth_by(
            session, lambda _: sasl.cram_md5_server(self.accounts), initial)

    def auth_ntlm(self, session, initial):
        from . import ntlm
        acceptor = ntlm.Acceptor(self.accounts, self.domain, self.ntlm_style)
        first = (base64.b64decode(initial) if initial
                 else self.challenge(session, ""))
        type2 = acceptor.take_type1(first)
        if type2 is None:
            return None
        user = acceptor.take_type3(self.challenge(session, b64(type2)))
        session.kind = acceptor.kind
        return user
