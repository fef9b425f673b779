"""Servers that we did not write, as hops: Exim's SPA, Postfix with Cyrus NTLM.

Each shows by its own log who logged in, and how.
"""
import pytest

from emulated import wire
from harness.mail import HARD_BODY, message, without_trace
from harness.mta import PASSWORD, USER, Exim, Postfix
from harness.relay import until, write_secret

POLICY = """
local d = require "dragoman"
d.dialect "any-level" {
  ntlm = { take = { "v2", "ntlm2", "v1" }, send = { "v2", "ntlm2", "v1" } },
}
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", dialect = "any-level",
            login = { "NTLM", secret = "peer" } }
d.route { hop = "h" }
"""


def relay_to(relay, mta, tmp_path, password=PASSWORD):
    secret = write_secret(tmp_path / "peer.secret", f"{USER}:{password}")
    return relay(POLICY % mta.address,
                 secrets={"peer": {"file": str(secret)}})


def send(r, data):
    with wire.Client(r.address()) as c:
        c.greeted().mail("a@b.test", ["c@d.test"], data)


def stored(mta):
    """Our message as it came, without what the server put above and with
    CRLF again.  (The alert to postmaster goes to the same place.)"""
    def ours():
        for path in mta.maildir.glob("new/*"):
            text = path.read_bytes().replace(b"\r\n", b"\n")
            at = text.find(b"Received: from client.test")
            if at >= 0:
                return text[at:].replace(b"\n", b"\r\n")
        return None
    return without_trace(until("our mail in the maildir", ours))


def test_exims_spa_server_takes_our_ntlm(relay, tmp_path):
    with Exim(tmp_path / "exim") as exim:
        r = relay_to(relay, exim, tmp_path)
        sent = message(body=b"hello Exim\r\n.dot\r\n")
        send(r, sent)
        exim.wait_log("P=esmtpa A=spa_srv:alice")
        r.wait_empty()
        assert stored(exim) == sent


def test_postfix_with_cyrus_takes_our_ntlm(relay, tmp_path):
    with Postfix(tmp_path / "postfix") as postfix:
        r = relay_to(relay, postfix, tmp_path)
        sent = message(body=HARD_BODY)
        send(r, sent)
        postfix.wait_log("sasl_method=NTLM, sasl_username=alice")
        r.wait_empty()
        assert stored(postfix) == sent


@pytest.mark.parametrize("mta, refusal, login", [
    (Exim, "535 Incorrect authentication data (set_id=alice)",
     "P=esmtpa A=spa_srv:alice"),
    (Postfix, "SASL NTLM authentication failed",
     "sasl_method=NTLM, sasl_username=alice"),
], ids=["exim", "postfix"])
def test_a_wrong_secret_holds_the_hop_until_it_is_mended(
        relay, tmp_path, mta, refusal, login):
    with mta(tmp_path / "mta") as server:
        r = relay_to(relay, server, tmp_path, "not-" + PASSWORD)
        sent = message(body=b"keep me\r\n")
        send(r, sent)
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "login-refused"
        assert "535" in lane["reason"]
        server.wait_log(refusal)
        assert login not in server.log()
        assert any("c@d.test" in line for line in r.queue())
        write_secret(tmp_path / "peer.secret", f"{USER}:{PASSWORD}")
        assert r.command("reload").returncode == 0
        server.wait_log(login)
        r.wait_empty()
        assert stored(server) == sent
