"""Every mechanism in, every mechanism out: whoever can log in by one reaches a
host that takes only the other.  The peers are Python's own (emulated/sasl.py).
"""
import base64
import re
import ssl
import subprocess

import pytest

from emulated import sasl, wire
from harness.mail import message, without_trace
from harness.relay import OUTPUTS, add_user, run, write_secret

USER, PASSWORD = "alice", "Pa$$w0rd, \u00e4 canary"
OUT_USER, OUT_PASSWORD = "service", "another-canary=1"
TOKEN = "ya29.canary-token_of-ours.0123456789abcdef=="

IN = ["PLAIN", "LOGIN", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-256",
      "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
OUT = IN + ["CRAM-MD5", "XOAUTH2", "OAUTHBEARER"]
CANNOT = {  # as a server; said at the load, see below
    "CRAM-MD5": "needs the password itself",
    "XOAUTH2": "needs somebody who knows good tokens",
    "OAUTHBEARER": "needs somebody who knows good tokens",
    "GSSAPI": "needs a Kerberos service key",
    "EXTERNAL": "needs client certificates",
}

POLICY = """
local d = require "dragoman"
d.dialect "site" { offer = { "AUTH *" } }
d.peer "people" { match = { address = "127.0.0.0/8" }, dialect = "site",
                  auth = { users = "people", mechanisms = { %s } },
                  tls = { offer = true } }
d.hop "h" { hosts = { "%s" }, tls = "require", login = { %s } }
d.route { hop = "h" }
"""
MATRIX = {}  # (in, out) -> what was seen


def is_token(mechanism):
    return mechanism in ("XOAUTH2", "OAUTHBEARER")


def tls12(authority):
    """Python gives tls-unique alone, which TLS 1.3 has not."""
    server = authority.server("hop.test", "hop.test", "IP:127.0.0.1")
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    return server


@pytest.fixture
def hop(authority):
    with wire.Server(tls=tls12(authority), requires_auth=True,
                     accounts={OUT_USER: OUT_PASSWORD}) as server:
        yield server


def listener(authority):
    crt, key = authority.certificate("relay.test")
    return {"main": {"address": "127.0.0.1:0",
                     "tls": {"certificate": str(crt), "key": str(key)}}}


def relay_between(relay, authority, tmp_path, hop, mechanism, out,
                  password=OUT_PASSWORD):
    """In by mechanism, out by one that the hop alone takes."""
    hop.takes = {"AUTH": [out]}
    hop.ehlo = [f"AUTH {out}"]
    if is_token(out):
        hop.accounts = {OUT_USER: TOKEN}
    users = tmp_path / "users"
    add_user(users, USER, PASSWORD, "--scram-sha-1")
    secret = write_secret(tmp_path / "out.secret", f"{OUT_USER}:" + (
        TOKEN if is_token(out) and password == OUT_PASSWORD else password))
    return relay(POLICY % (f'"{mechanism}"', hop.address,
                           f'"{out}", secret = "out"'),
                 listeners=listener(authority),
                 users={"people": {"file": str(users)}},
                 secrets={"out": {"file": str(secret)}})


def log_in(c, authority, mechanism, password=PASSWORD):
    context = authority.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    c.greeted()
    c.start_tls(context)
    assert f"AUTH {mechanism}" in c.offer, c.offer
    if mechanism.startswith("SCRAM"):
        binding = ("tls-unique",
                   c.channel.sock.get_channel_binding("tls-unique"))
        return c.login_scram(mechanism, USER, password, binding)
    if mechanism == "PLAIN":
        return c.login_plain(USER, password)
    if mechanism == "LOGIN":
        c.must("AUTH LOGIN", 334)
        c.must(wire.b64(USER.encode()), 334)
        return c.ask(wire.b64(password.encode()))
    assert mechanism == "NTLM"
    from emulated import ntlm
    first = ntlm.modern_type1()
    text = c.must("AUTH NTLM " + wire.b64(first.getData()), 334)
    return c.ask(wire.b64(ntlm.modern_type3(
        first, base64.b64decode(text[4:]), USER, password)))


@pytest.mark.parametrize("out", OUT)
@pytest.mark.parametrize("mechanism", IN)
def test_in_by_any_and_out_by_any(relay, authority, tmp_path, hop, mechanism,
                                  out):
    MATRIX[mechanism, out] = "failed"
    r = relay_between(relay, authority, tmp_path, hop, mechanism, out)
    with wire.Client(r.address()) as c:
        code, text = log_in(c, authority, mechanism)
        assert code == 235, text
        c.mail("a@hq.example", ["b@branch.example"], message())
    (mail,) = hop.wait_mails()
    assert mail.user == OUT_USER and mail.is_tls
    assert without_trace(mail.data) == message()
    r.wait_empty()
    assert f"AUTH {out}" in hop.transcript()
    MATRIX[mechanism, out] = "yes"


@pytest.mark.parametrize("mechanism", IN)
def test_a_wrong_password_stays_out_by_any(relay, authority, tmp_path, hop,
                                           mechanism):
    r = relay_between(relay, authority, tmp_path, hop, mechanism, "PLAIN")
    with wire.Client(r.address()) as c:
        code, text = log_in(c, authority, mechanism, PASSWORD + "x")
        assert (code, text) == (535, "535 5.7.8 authentication failed")
        assert c.ask("MAIL FROM:<a@hq.example>")[0] == 530


@pytest.mark.parametrize("out", OUT)
def test_a_wrong_secret_holds_the_hop_by_any(relay, authority, tmp_path, hop,
                                             out):
    r = relay_between(relay, authority, tmp_path, hop, "PLAIN", out,
                      "not-" + OUT_PASSWORD.replace(" ", ""))
    with wire.Client(r.address()) as c:
        assert log_in(c, authority, "PLAIN")[0] == 235
        c.mail("a@hq.example", ["b@branch.example"], message())
    lane = r.wait_status("lane", lambda x: "held" in x)
    assert lane["held"] == "login-refused"
    if is_token(out):  # what the server said of the token is told
        assert "https://mail.test/" in lane["reason"]
    assert not hop.mails


@pytest.mark.parametrize("mechanism", CANNOT)
def test_what_users_cannot_be_verified_by_is_an_error(relay, tmp_path,
                                                      mechanism):
    r = relay(POLICY % (f'"{mechanism}"', "127.0.0.1:1",
                        '"NTLM", secret = "service"'), start=False)
    done = run("check", "-c", r.dir / "dragoman.yaml")
    assert done.returncode != 0
    assert f"{mechanism} {CANNOT[mechanism]}" in done.stdout + done.stderr
    for out in OUT:
        MATRIX[mechanism, out] = "cannot"


def test_a_server_that_proves_nothing_gets_no_mail(relay, authority, tmp_path,
                                                   hop):
    r = relay_between(relay, authority, tmp_path, hop, "PLAIN",
                      "SCRAM-SHA-256")
    hop.scram = {"lies": True}
    with wire.Client(r.address()) as c:
        assert log_in(c, authority, "PLAIN")[0] == 235
        c.mail("a@hq.example", ["b@branch.example"], message())
    lane = r.wait_status("lane", lambda x: "held" in x)
    assert lane["held"] == "no-common-auth"
    assert "does not prove" in lane["reason"]
    assert not hop.mails


def test_a_server_that_says_235_at_once_gets_no_mail(relay, authority, tmp_path,
                                                     hop):
    r = relay_between(relay, authority, tmp_path, hop, "PLAIN",
                      "SCRAM-SHA-256")
    hop.replies["AUTH"] = "235 come in"
    with wire.Client(r.address()) as c:
        assert log_in(c, authority, "PLAIN")[0] == 235
        c.mail("a@hq.example", ["b@branch.example"], message())
    lane = r.wait_status("lane", lambda x: "held" in x)
    assert "has not proved" in lane["reason"]
    assert not hop.mails and "MAIL" not in hop.commands()


def test_a_server_that_asks_for_endless_work_gets_none(relay, authority,
                                                       tmp_path, hop):
    r = relay_between(relay, authority, tmp_path, hop, "PLAIN",
                      "SCRAM-SHA-256")
    hop.replies["AUTH"] = lambda s, rest: "334 " + wire.b64(
        base64.b64decode(rest.split(" ")[1]).split(b",,", 1)[1].split(b",")[1]
        + b"x,s=QUJD,i=2000000000")
    with wire.Client(r.address()) as c:
        assert log_in(c, authority, "PLAIN")[0] == 235
        c.mail("a@hq.example", ["b@branch.example"], message())
    lane = r.wait_status("lane", lambda x: "held" in x)
    assert "2000000000 iterations" in lane["reason"]


def test_plus_is_shown_under_tls_only_and_binds_to_it(relay, authority,
                                                      tmp_path, hop):
    r = relay_between(relay, authority, tmp_path, hop, "SCRAM-SHA-256-PLUS",
                      "PLAIN")
    with wire.Client(r.address()) as c:
        c.greeted()
        assert not any("SCRAM" in line for line in c.offer)
        assert c.login_scram("SCRAM-SHA-256-PLUS", USER, PASSWORD,
                             ("tls-unique", b"x" * 12))[0] in (503, 504)
    with wire.Client(r.address()) as c:
        context = authority.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        c.greeted()
        c.start_tls(context)
        binding = c.channel.sock.get_channel_binding("tls-unique")
        bent = bytes([binding[0] ^ 1]) + binding[1:]
        assert c.login_scram("SCRAM-SHA-256-PLUS", USER, PASSWORD,
                             ("tls-unique", bent))[0] == 535


class Piped:
    """A channel through openssl's client, which tells the TLS exporter."""

    def __init__(self, address, ca):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", address, "-starttls", "smtp",
             "-CAfile", ca, "-tls1_3", "-crlf", "-keymatexport",
             "EXPORTER-Channel-Binding", "-keymatexportlen", "32"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def until(self, pattern):
        while not (found := re.search(pattern, self.seen)):
            piece = self.process.stdout.read1()
            assert piece, self.seen
            self.seen += piece
        self.seen = self.seen[found.end():]
        return found.group(1)

    def ask(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        code, text = self.until(rb"(\d{3}(?: [^\r\n]*)?)\r?\n").decode(
            ).partition(" ")[::2]
        return int(code), f"{code} {text}"


@pytest.mark.parametrize("bends, code", [(False, 235), (True, 535)])
def test_plus_takes_the_exporter_of_tls_1_3(relay, authority, tmp_path, hop,
                                            bends, code):
    r = relay_between(relay, authority, tmp_path, hop, "SCRAM-SHA-256-PLUS",
                      "PLAIN")
    with Piped(r.address(), authority.ca) as c:
        exporter = bytearray.fromhex(
            c.until(rb"Keying material: ([0-9A-F]{64})").decode())
        exporter[0] ^= bends
        client = sasl.scram_client("SCRAM-SHA-256-PLUS", USER, PASSWORD,
                                   ("tls-exporter", bytes(exporter)))
        c.until(rb"(250 [^\r\n]*\r?\n)")  # to s_client's own EHLO, or ours
        c.process.stdin.write(b"EHLO client.test\n")
        c.process.stdin.flush()
        c.until(rb"(250 [^\r\n]*\r?\n)")
        got, text = c.ask("AUTH SCRAM-SHA-256-PLUS " +
                          wire.b64(next(client)))
        while got == 334:
            try:
                said = client.send(base64.b64decode(text[4:]))
            except StopIteration:
                said = b""
            got, text = c.ask(wire.b64(said))
        assert got == code, text


def test_the_matrix():
    """Last: printed, and whole."""
    rows = list(MATRIX) and list(dict.fromkeys(i for i, _ in MATRIX))
    table = ["in \\ out".ljust(20) + " ".join(o.ljust(18) for o in OUT)]
    for row in rows:
        table.append(row.ljust(20) + " ".join(
            MATRIX.get((row, out), "-").ljust(18) for out in OUT))
    print("\n" + "\n".join(table))
    OUTPUTS.append(("matrix", "\n".join(table)))
    assert "failed" not in MATRIX.values()
