"""check --probe: each hop is called and logged in to, and never given mail."""
import socket
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from emulated import exchange, wire
from harness.fixtures import HQ_PASSWORD
from harness.relay import run, write_secret

HEAD = 'local d = require "dragoman"\n'
LOGIN = 'login = { "NTLM", secret = "service" }'
PEER = 'd.peer "p" { match = {}, auth = { users = "people" } }\n'


def hop(name, *hosts, more=""):
    hosts = ", ".join(f'"{h}"' for h in hosts)
    return (f'd.hop "{name}" {{ hosts = {{ {hosts} }}, {more} }}\n'
            f'd.route {{ to = "{name}.example", hop = "{name}" }}\n')


def probe(relay, policy, code=0, **more):
    r = relay(HEAD + PEER + policy, start=False, **more)
    done = run("check", "--probe", *r.options())
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def section(out, name):
    """What is told of one host, without the line that names it."""
    blocks = out.split('hop "')
    (block,) = [b for b in blocks if b.startswith(name)]
    return [x.strip() for x in block.splitlines()[1:]
            if x.startswith("  ")]


# ---- logins that work ----------------------------------------------------------


def test_both_versions_are_spoken_to_as_they_want_it(relay):
    with exchange.Ims50Server({"service": HQ_PASSWORD}) as old, \
            exchange.Ims55Server({"service": HQ_PASSWORD}) as new:
        out = probe(relay, hop("hq", old.address, more=LOGIN +
                               ', dialect = "exchange-5.0", tls = "never"') +
                    hop("branch", new.address, more=LOGIN +
                        ', dialect = "exchange-5.5", tls = "never"'))
        hq, branch = section(out, "hq"), section(out, "branch")
        assert hq[0] == ("greets: 220 ims50.test ESMTP Server (Microsoft "
                         "Exchange Internet Mail Service 5.0.1460.8) ready")
        assert hq[1].startswith("offers: HELP, SIZE 0, DSN, XAUTH NTLM")
        assert hq[-1] == "good: logged in by XAUTH NTLM (offered)"
        assert branch[-1] == "good: logged in by AUTH NTLM (assumed)"
        assert "0 of 2 hosts failed" in out
        for server in (old, new):
            assert "MAIL" not in server.commands()
            assert server.commands()[-1] == "QUIT"


def test_every_host_of_a_hop_is_called_and_one_bad_one_is_a_failure(
        relay, free_port):
    with wire.Server() as a, wire.Server() as b:
        dead = f"127.0.0.1:{free_port()}"
        out = probe(relay, hop("h", a.address, dead, b.address), code=1)
        assert out.count('hop "h", ') == 3
        assert section(out, f'h", {a.address}')[-1] == \
            "good: it answers (no login is wanted)"
        assert section(out, f'h", {b.address}')[-1].startswith("good: ")
        assert section(out, f'h", {dead}') == [
            f"FAILED: unreachable: {dead} refused the connection"]
        assert "1 of 3 hosts failed" in out


class Logins:
    """What aiosmtpd asks; it shows and takes LOGIN and PLAIN."""

    def __call__(self, server, session, envelope, mechanism, data):
        assert mechanism in ("LOGIN", "PLAIN")
        good = (data.login == b"DOM\\service" and
                data.password == HQ_PASSWORD.encode())
        return AuthResult(success=good, handled=False)


@pytest.fixture
def aiosmtpd():
    class Nobody:
        mails = 0

        async def handle_MAIL(self, *_):
            Nobody.mails += 1
            return "250 OK"

    c = Controller(Nobody(), "127.0.0.1", 0, authenticator=Logins(),
                   auth_require_tls=False, auth_required=True)
    c.port = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    c.start()
    c.nobody = Nobody
    yield c
    c.stop()


@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN"])
def test_a_stock_server_takes_the_right_password(relay, aiosmtpd, mechanism):
    address = f"127.0.0.1:{aiosmtpd.port}"
    out = probe(relay, hop("h", address, more='tls = "opportunistic", login ='
                           ' { "%s", secret = "service" }' % mechanism))
    assert section(out, "h")[-1] == \
        f"good: logged in by AUTH {mechanism} (offered)"
    assert not aiosmtpd.nobody.mails


def test_a_stock_server_refuses_the_wrong_password(relay, aiosmtpd):
    address = f"127.0.0.1:{aiosmtpd.port}"
    r = relay(HEAD + PEER + hop("h", address, more="login = { "
              '"PLAIN", secret = "service" }'), start=False)
    write_secret(r.dir / "service.secret", "service:Kanari-wrong-probe-1")
    done = run("check", "--probe", *r.options())
    assert done.returncode == 1
    lines = section(done.stdout, "h")
    assert lines[-1].startswith("FAILED: login-refused: 535 ")
    assert any(x.startswith("said AUTH PLAIN (offered), 535 ") for x in lines)
    assert "Kanari" not in done.stdout + done.stderr
    assert not aiosmtpd.nobody.mails


# ---- logins that do not ----------------------------------------------------------


def test_a_wrong_password_at_an_emulated_server(relay):
    with exchange.Ims50Server({"service": "another"}) as server:
        out = probe(relay, hop("h", server.address, more=LOGIN +
                               ', dialect = "exchange-5.0"'), code=1)
        assert section(out, "h")[-1] == \
            "FAILED: login-refused: 535 authentication failed"


def test_no_common_way_to_log_in(relay):
    with wire.Server(ehlo=["SIZE 0", "AUTH CRAM-MD5"]) as server:
        out = probe(relay, hop("h", server.address, more=LOGIN), code=1)
        lines = section(out, "h")
        assert "offers: SIZE 0, AUTH CRAM-MD5" in lines
        assert lines[-1].startswith("FAILED: no-common-auth: ")
        assert "(offered: SIZE 0, AUTH CRAM-MD5)" in lines[-1]


def test_a_verb_that_costs_the_connection_is_left_out_the_next_time(relay):
    """XAUTH and AUTH are unknown there: two sessions, one verdict."""
    with wire.Server(ehlo=["SIZE 0"]) as server:
        out = probe(relay, hop("h", server.address, more=LOGIN +
                               ', dialect = "exchange-5.0"'), code=1)
        assert section(out, "h")[-1].startswith("FAILED: no-common-auth: ")


def test_a_server_that_says_nothing_does_not_hold_us(relay):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "127.0.0.1:%d" % silent.getsockname()[1]
        out = probe(relay, hop("h", address, more=LOGIN), code=1,
                    limits={"reply": "300ms"})
        assert section(out, "h") == [
            f"FAILED: unreachable: {address}: the hop did not answer in time"]


def test_a_server_that_writes_to_terminals_is_shown_plain(relay):
    with wire.Server(replies={"greeting": "220 \x1b[2Jhop\x07 \xe4"}) as server:
        out = probe(relay, hop("h", server.address))
        assert section(out, "h")[0].startswith("greets: 220 ?[2Jhop? ?")


# ---- TLS -------------------------------------------------------------------------


def test_the_certificate_is_judged_also_where_it_is_not_asked_for(
        relay, authority):
    good = authority.server("hop.test", "IP:127.0.0.1")
    other = authority.server("other.test")
    with wire.Server(tls=good) as a, wire.Server(tls=other) as b:
        out = probe(relay, hop("a", a.address, more='tls = "verify"') +
                    hop("b", b.address, more='tls = "require"') +
                    hop("c", b.address, more='tls = "verify"'), code=1,
                    tls={"ca": str(authority.ca)})
        lines = section(out, "a")
        assert lines[2].startswith("TLS: TLSv1.3 ")
        assert lines[2].endswith("; the certificate is good")
        assert lines[1] == "offers: SIZE 0, 8BITMIME, STARTTLS"
        assert lines[3] == "offers, in TLS: SIZE 0, 8BITMIME"
        lines = section(out, "b")
        assert "the other side's certificate is not for 127.0.0.1 (taken: " \
            "this hop's tls is not \"verify\")" in lines[2]
        assert lines[-1].startswith("good: ")
        assert "FAILED: tls-failed: " in section(out, "c")[-1]
        assert "is not for 127.0.0.1" in section(out, "c")[-1]


def test_a_failed_handshake_goes_on_in_clear_where_that_is_allowed(relay):
    def serve(listener):
        for _ in range(2):
            s, _ = listener.accept()
            with s, s.makefile("rwb", buffering=0) as f:
                f.write(b"220 x\r\n")
                for line in f:
                    if line.startswith(b"EHLO"):
                        f.write(b"250-x\r\n250 STARTTLS\r\n")
                    elif line.startswith(b"STARTTLS"):
                        f.write(b"220 go\r\n")
                        f.readline()
                        f.write(b"no TLS at all\r\n")
                        break
                    else:
                        f.write(b"221 bye\r\n")
                        break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        address = "127.0.0.1:%d" % listener.getsockname()[1]
        lines = section(probe(relay, hop("h", address)), "h")
        assert "again without TLS (opportunistic)" in lines
        assert lines[-1].startswith("good: ")
        thread.join(10)


# ---- around it -------------------------------------------------------------------


def test_nobody_is_called_when_something_is_wrong_with_the_files(relay):
    with wire.Server() as server:
        r = relay(HEAD + hop("h", server.address) +
                  'd.route { hop = "x" }\n', start=False)
        done = run("check", "--probe", *r.options())
        assert done.returncode == 2 and not server.sessions
        assert "hosts failed" not in done.stdout


def test_without_hops_there_is_nobody_to_call(relay):
    out = probe(relay, 'd.route { refuse = "550 5.7.1 no" }\n')
    assert "0 of 0 hosts failed" in out
