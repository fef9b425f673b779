"""The other mechanisms, with peers that we did not write: GNU SASL's own client
into us, Cyrus SASL's server behind Postfix as a hop.
"""
import base64
import os
import subprocess

import pytest

from emulated import wire
from harness.kdc import REALM, Kdc
from harness.mail import HARD_BODY, message
from harness.mta import PASSWORD, USER, Postfix
from harness.relay import add_user, write_secret
from test_servers import stored

INTO = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.1" },
                  auth = { users = "peers" } }
d.hop "sink" { hosts = { "%s" }, tls = "never" }
d.route { hop = "sink" }
"""
OUT = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", login = { "%s", secret = "peer" } }
d.route { hop = "h" }
"""


def gsasl(r, mechanism, password):
    host, port = r.address().split(":")
    done = subprocess.run(
        ["gsasl", "--smtp", "--connect", f"{host}:{port}", "-m", mechanism,
         "-a", USER, "-p", password, "--no-starttls"], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=60, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN",
                                       "LOGIN"])
def test_gnu_sasls_client_gets_in_with_the_password_only(relay, tmp_path,
                                                         mechanism):
    add_user(tmp_path / "peers", USER, PASSWORD, "--scram-sha-1")
    r = relay(INTO % "127.0.0.1:1",
              users={"peers": {"file": str(tmp_path / "peers")}})
    text = gsasl(r, mechanism, PASSWORD)
    assert "\n235 " in text.replace("\r", "") or "Client authentication " \
        "finished (server trusted)" in text, text
    r.wait_event("session", what=f"login proved: {mechanism} user={USER}"
                                 ": proved")
    text = gsasl(r, mechanism, "not-" + PASSWORD)
    assert "535 5.7.8" in text, text


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256",
                                       "CRAM-MD5", "PLAIN", "LOGIN"])
def test_postfix_with_cyrus_takes_each_of_ours(relay, tmp_path, mechanism):
    with Postfix(tmp_path / "postfix") as postfix:
        secret = write_secret(tmp_path / "peer.secret", f"{USER}:{PASSWORD}")
        r = relay(OUT % (postfix.address, mechanism),
                  secrets={"peer": {"file": str(secret)}})
        sent = message(body=HARD_BODY)
        with wire.Client(r.address()) as c:
            c.greeted().mail("a@b.test", ["c@d.test"], sent)
        postfix.wait_log(f"sasl_method={mechanism}, sasl_username={USER}")
        r.wait_empty()
        assert stored(postfix) == sent


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "CRAM-MD5"])
def test_postfix_with_cyrus_refuses_a_wrong_secret(relay, tmp_path, mechanism):
    with Postfix(tmp_path / "postfix") as postfix:
        secret = write_secret(tmp_path / "peer.secret",
                              f"{USER}:not-{PASSWORD}")
        r = relay(OUT % (postfix.address, mechanism),
                  secrets={"peer": {"file": str(secret)}})
        with wire.Client(r.address()) as c:
            c.greeted().mail("a@b.test", ["c@d.test"], message())
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "login-refused" and "535" in lane["reason"]



@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_our_bearer_message_is_curls(relay, tmp_path, mechanism):
    """curl and we log in to the same server, and say the same to it."""
    token = "ya29.canary-abcdefghijklmnop"
    said = []
    for who in ("curl", "us"):
        with wire.Server(accounts={USER: token}, requires_auth=True,
                         ehlo=[f"AUTH {mechanism}"],
                         takes={"AUTH": [mechanism]}) as server:
            if who == "curl":
                (tmp_path / "message").write_bytes(message())
                subprocess.run(
                    ["curl", "-sS", "--oauth2-bearer", token, "-u", USER,
                     "--login-options", f"AUTH={mechanism}", "--mail-from",
                     "a@b.test", "--mail-rcpt", "c@d.test", "-T",
                     tmp_path / "message",
                     f"smtp://{server.address}/client.test"], check=True,
                    timeout=60)
            else:
                secret = write_secret(tmp_path / "peer.secret",
                                      f"{USER}:{token}")
                r = relay(OUT % (server.address, mechanism),
                          secrets={"peer": {"file": str(secret)}})
                with wire.Client(r.address()) as c:
                    c.greeted().mail("a@b.test", ["c@d.test"], message())
            (mail,) = server.wait_mails()
            assert mail.user == USER
            assert mail.data.endswith(message())
            session = server.sessions[-1].transcript.said("C")
            line = next(x for x in session if len(x) > 60)
            text = base64.b64decode(line.split(" ")[-1]).decode()
            said.append(text.replace(server.address.split(":")[1], "PORT"))
    assert said[0] == said[1]


# --- Kerberos ------------------------------------------------------------------

BUILD = os.environ.get("BUILD", "build")
FLOORS = ("auth", "crypto", "wire", "base")


@pytest.fixture(scope="session")
def gssapi_tool(tmp_path_factory):
    path = tmp_path_factory.mktemp("gssapi") / "gssapi_tool"
    subprocess.run(
        ["gcc", "-std=c11", "-D_DEFAULT_SOURCE", "-Iinclude", "-I.",
         "tests/peers/gssapi_tool.c",
         *[f"{BUILD}/lib{floor}.a" for floor in FLOORS], "-lcrypto", "-lgsasl",
         "-lpthread", "-o", path], check=True)
    return path


def test_both_our_roles_of_gssapi_agree_by_mits_kdc(gssapi_tool, tmp_path):
    def tool(env):
        return subprocess.run([gssapi_tool, "localhost"], env=env, check=False,
                              capture_output=True, timeout=60, text=True)
    with Kdc(tmp_path / "kdc") as kdc:
        done = tool(kdc.env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"user={USER}@{REALM}" in done.stdout
        assert "asked=1 may_end=1" in done.stdout
        # without a ticket, and without the service's key
        done = tool({**kdc.env, "KRB5CCNAME": f"FILE:{tmp_path}/none"})
        assert done.returncode == 1 and "ticket" in done.stdout
        done = tool({**kdc.env, "KRB5_KTNAME": f"{tmp_path}/none"})
        assert done.returncode == 1
        assert "authentication failed" in done.stdout


def test_postfix_with_cyrus_takes_our_ticket(relay, tmp_path, monkeypatch):
    with Kdc(tmp_path / "kdc") as kdc:
        for name in ("krb5.conf", "smtp.keytab"):
            (kdc.dir / name).chmod(0o644)
        for key in ("KRB5_CONFIG", "KRB5CCNAME", "KRB5_KTNAME",
                    "KRB5RCACHENAME"):
            monkeypatch.setenv(key, kdc.env[key])
        with Postfix(tmp_path / "postfix", {
                "mech_list": "GSSAPI",
                "main": "myhostname = localhost\nimport_environment = "
                        "MAIL_CONFIG LANG=C LD_LIBRARY_PATH="
                        "PEERS/usr/lib/postfix KRB5_CONFIG KRB5_KTNAME "
                        "KRB5RCACHENAME\n"}) as postfix:
            address = postfix.address.replace("127.0.0.1", "localhost")
            r = relay(OUT.replace(', secret = "peer"', "") %
                      (address, "GSSAPI"))
            sent = message(body=b"by a ticket\r\n")
            with wire.Client(r.address()) as c:
                c.greeted().mail("a@b.test", ["c@d.test"], sent)
            postfix.wait_log(f"sasl_method=GSSAPI, sasl_username={USER}")
            r.wait_empty()
            assert stored(postfix) == sent
