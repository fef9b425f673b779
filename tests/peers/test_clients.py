"""Clients that we did not write, into us: curl, swaks, Exim, smtp-source."""
import os
import subprocess

import pytest

from emulated import wire
from harness.mail import message, without_trace
from harness.mta import PASSWORD, PEERS, USER, Exim
from harness.relay import OUTPUTS, add_user

POLICY = """
local d = require "dragoman"
d.dialect "old" { ntlm = { take = { "v2", "ntlm2", "v1" },
                           send = { "v2" } } }
d.dialect "v1-only" { ntlm = { take = { "v1" }, send = { "v2" } } }
d.peer "people" { match = { address = "127.0.0.1" }, dialect = "%s",
                  auth = { users = "peers", required = %s } }
d.hop "sink" { hosts = { "%s" }, tls = "never" }
d.route { hop = "sink" }
"""


@pytest.fixture
def sink():
    with wire.Server(ehlo=["PIPELINING", "SIZE 0", "8BITMIME"]) as server:
        yield server


def relay_for(relay, tmp_path, sink, dialect="old", required="true"):
    add_user(tmp_path / "peers", USER, PASSWORD)
    return relay(POLICY % (dialect, required, sink.address),
                 users={"peers": {"file": str(tmp_path / "peers")}})


def run(*command, code=0, **options):
    done = subprocess.run([str(x) for x in command], capture_output=True,
                          timeout=60, check=False, **options)
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == code, text
    return text


@pytest.mark.parametrize("dialect, level", [
    ("old", "NTLMv2"), ("rfc4954", "NTLMv2"), ("v1-only", "NTLMv1")])
@pytest.mark.parametrize("form", [[], ["--sasl-ir"]])
def test_curl_logs_in_by_ntlm(relay, tmp_path, sink, dialect, level, form):
    r = relay_for(relay, tmp_path, sink, dialect)
    text = curl(r, tmp_path, PASSWORD, *form)
    assert "< 235" in text, text
    (mail,) = sink.wait_mails()
    assert without_trace(mail.data) == message()
    assert level in str(r.wait_event("session"))


@pytest.mark.parametrize("form", [[], ["--sasl-ir"]])
def test_curl_with_a_wrong_password_stays_out(relay, tmp_path, sink, form):
    r = relay_for(relay, tmp_path, sink)
    text = curl(r, tmp_path, "not-" + PASSWORD, *form, code=67)
    assert "< 535" in text, text
    assert not r.queue() and not sink.mails


def curl(r, tmp_path, password, *more, **options):
    (tmp_path / "message").write_bytes(message())
    return run("curl", "-sSv", *more, "--login-options", "AUTH=NTLM", "-u",
               f"DOM\\{USER}:{password}", "--mail-from", "a@b.test",
               "--mail-rcpt", "c@d.test", "-T", tmp_path / "message",
               f"smtp://{r.address()}/client.test", **options)


@pytest.mark.parametrize("dialect", ["old", "v1-only"])
def test_swaks_logs_in_by_ntlm(relay, tmp_path, sink, dialect):
    r = relay_for(relay, tmp_path, sink, dialect)
    text = swaks(r, PASSWORD)
    assert "<-  235" in text, text
    sink.wait_mails()
    assert "NTLMv1" in str(r.wait_event("session"))


def test_swaks_stays_out_where_v1_is_not_taken(relay, tmp_path, sink):
    r = relay_for(relay, tmp_path, sink, "rfc4954")
    text = swaks(r, PASSWORD, code=28)
    assert "<** 535" in text, text
    assert not r.queue() and not sink.mails


def swaks(r, password, **options):
    host, port = r.address().split(":")
    return run("swaks", "--server", host, "--port", port, "--auth", "NTLM",
               "--auth-user", USER, "--auth-password", password, "--from",
               "a@b.test", "--to", "c@d.test", **options)


def test_exim_logs_in_by_spa(relay, tmp_path, sink):
    r = relay_for(relay, tmp_path, sink)
    exim = Exim(tmp_path / "exim")
    exim.send(int(r.address().rpartition(":")[2]), "a@b.test", "c@d.test",
              message())
    assert "=> c@d.test" in exim.log() and "A=a" in exim.log(), exim.log()
    sink.wait_mails()


def test_smtp_source_delivers_without_a_login(relay, tmp_path, sink):
    r = relay_for(relay, tmp_path, sink, required="false")
    run(PEERS / "usr/sbin/smtp-source", "-s", "5", "-m", "50", "-f",
        "a@b.test", "-t", "c@d.test", r.address(), env={
            **os.environ, "LD_LIBRARY_PATH": f"{PEERS}/usr/lib/postfix"})
    sink.wait_mails(50)
    r.wait_empty()
    OUTPUTS.append(("smtp-source", "50 messages"))
