"""Servers that we did not write, as hops: Exim's SPA, Postfix with Cyrus NTLM.

Each shows by its own log who logged in, and how.
"""
from emulated import wire
from harness.mail import HARD_BODY, message, without_trace
from harness.mta import PASSWORD, USER, Exim, Postfix
from harness.relay import write_secret

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


def body_of(stored):
    """What was stored with LF ends, from the first line of ours on."""
    text = stored.replace(b"\r\n", b"\n")
    return text[text.index(b"Received: from client.test"):].replace(
        b"\n", b"\r\n")


def test_exims_spa_server_takes_our_ntlm(relay, tmp_path):
    with Exim(tmp_path / "exim") as exim:
        r = relay_to(relay, exim, tmp_path)
        sent = message(body=b"hello Exim\r\n.dot\r\n")
        send(r, sent)
        exim.wait_log("P=esmtpa A=spa_srv:alice")
        r.wait_empty()
        assert without_trace(body_of(exim.wait_mail())) == sent


def test_postfix_with_cyrus_takes_our_ntlm(relay, tmp_path):
    with Postfix(tmp_path / "postfix") as postfix:
        r = relay_to(relay, postfix, tmp_path)
        sent = message(body=HARD_BODY)
        send(r, sent)
        postfix.wait_log("sasl_method=NTLM, sasl_username=alice")
        r.wait_empty()
        assert postfix.wait_mail()


def test_a_wrong_secret_holds_the_hop_until_it_is_mended(relay, tmp_path):
    with Exim(tmp_path / "exim") as exim:
        r = relay_to(relay, exim, tmp_path, "wrong")
        send(r, message())
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "login-refused"
        assert "535" in lane["reason"]
        exim.wait_log("535 Incorrect authentication data (set_id=alice)")
        write_secret(tmp_path / "peer.secret", f"{USER}:{PASSWORD}")
        assert r.command("reload").returncode == 0
        exim.wait_log("P=esmtpa A=spa_srv:alice")
        r.wait_empty()
