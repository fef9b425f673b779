"""Two Exchange sites that cannot log in to each other, and the relay between.

The files are those of examples/exchange-5.0-and-5.5.
"""
import base64
import re
import threading

import pytest

from emulated import ntlm, wire
from emulated.wire import b64
from harness.fixtures import BRANCH_PASSWORD, HQ_CLIENT, IMS_PASSWORD
from harness.mail import EIGHT_BIT, HARD_BODY, message, without_trace

BODIES = {
    "short": b"hello\r\n",
    "hard": HARD_BODY,
    "8-bit": EIGHT_BIT,
    "empty": b"",
    "large": b"0123456789abcdef" * 4 + b"\r\n" + b"z" * 70 + b"\r\n.\r\n" * 2
             + b"line of a large message\r\n" * 120000,
}
BODIES["large"] = BODIES["large"].replace(b"\r\n.\r\n", b"\r\n.x\r\n")


@pytest.mark.parametrize("body", BODIES)
def test_mail_goes_both_ways_byte_for_byte(sites, body):
    out = message("to-branch", body=BODIES[body])
    back = message("to-hq", "b@branch.example", "a@hq.example", BODIES[body])
    with sites() as s:
        o = s.client("5.0").send("a@hq.example", "b@branch.example", out)
        assert o.is_delivered, "\n".join(o.transcript) + o.ndr
        o = s.client("5.5").send("b@branch.example", "a@hq.example", back)
        assert o.is_delivered, "\n".join(o.transcript) + o.ndr
        (at_branch,) = s.branch.wait_mails()
        (at_hq,) = s.hq.wait_mails()
        assert without_trace(at_branch.data) == out
        assert without_trace(at_hq.data) == back
        assert (at_branch.user, at_branch.verb) == ("relay", "AUTH")
        assert (at_hq.user, at_hq.verb) == ("relay", "XAUTH")
        assert at_branch.sender == "a@hq.example"
        assert at_branch.recipients == ["b@branch.example"]
        s.relay.wait_empty()


def test_each_is_shown_its_own_word_and_nothing_it_may_not_try(sites):
    with sites() as s:
        with wire.Client(s.relay.address("ims"), HQ_CLIENT) as c:
            offer = c.greeted().offer
            assert {"XAUTH NTLM", "XAUTH=NTLM"} <= set(offer)
            assert not [x for x in offer if x.startswith("AUTH")]
            assert not {"STARTTLS", "PIPELINING", "CHUNKING"} & set(offer)
        with wire.Client(s.relay.address("ims"), "127.0.11.1") as c:
            offer = c.greeted().offer
            assert "AUTH NTLM" in offer
            assert not [x for x in offer if x.startswith("XAUTH")]
        with wire.Client(s.relay.address("ims"), "127.0.12.1") as c:
            offer = c.greeted().offer
            assert not [x for x in offer if "AUTH" in x]
            assert c.ask("MAIL FROM:<a@hq.example>")[0] == 550
            assert c.ask("XAUTH NTLM")[0] in (500, 503)


def test_a_5_5_says_auth_ntlm_where_it_was_not_shown_and_gets_in(sites):
    with sites() as s:
        o = s.client("5.5", source=HQ_CLIENT).send(
            "a@hq.example", "b@branch.example", message())
        assert o.is_delivered, "\n".join(o.transcript)
        assert any(x.startswith("C: AUTH NTLM ") for x in o.transcript)
        assert not any(x[4:].startswith("AUTH") for x in o.transcript)


@pytest.mark.parametrize("form", [
    "XAUTH NTLM {0}", "xauth ntlm {0}", "XAUTH=NTLM {0}", "XAUTH  NTLM  {0}",
    "XAUTH NTLM {0} ", "XAUTH NTLM", "XAUTH=NTLM",
])
def test_xauth_is_taken_in_every_form_that_it_may_have(sites, form):
    type1 = b64(ntlm.nt4_type1("TIMDUMP"))
    with sites() as s, wire.Client(s.relay.address("ims"), HQ_CLIENT) as c:
        c.greeted()
        code, text = c.ask(form.format(type1))
        if "{0}" not in form:
            assert text in ("334 ", "334 NTLM supported"), text
            code, text = c.ask(type1)
        assert code == 334, text
        code, text = c.ask(b64(ntlm.nt4_type3(
            base64.b64decode(text[4:]), "ims", IMS_PASSWORD, "TIMDUMP",
            "IMS50")))
        assert code == 235, text


def test_a_peer_not_yet_known_may_be_shown_both_and_either_gets_in(sites):
    policy = """
        local d = require "dragoman"
        d.peer "either" {
          match = { address = d.vars.hq_network },
          dialect = "exchange-5.5-fixed", auth = { users = "ims" },
        }
        d.hop "branch" {
          hosts = { d.vars.branch }, dialect = "exchange-5.5", tls = "never",
          login = { "NTLM", secret = "branch-service" },
        }
        d.route { hop = "branch" }
    """
    with sites(policy=policy) as s:
        for version in ("5.0", "5.5", "5.5-fixed"):
            o = s.client(version, source=HQ_CLIENT).send(
                "a@hq.example", "b@branch.example", message())
            assert o.is_delivered, "\n".join(o.transcript)
        s.branch.wait_mails(3)


@pytest.mark.parametrize("version", ["5.0", "5.5"])
def test_a_wrong_password_gets_535_and_the_log_says_who_and_why(sites, version):
    with sites() as s:
        o = s.client(version, password=BRANCH_PASSWORD).send(
            "a@hq.example", "b@branch.example", message())
        assert not o.is_delivered
        assert o.reply.startswith("535 ")
        event = s.relay.wait_event("session", peer="hq" if version == "5.0"
                                   else "branch")
        assert "login refused" in event["what"], event
        assert "user=ims" in event["what"]


def test_an_account_that_does_not_exist_is_refused_in_the_same_words(sites):
    with sites() as s:
        a = s.client("5.0", password=BRANCH_PASSWORD)
        b = s.client("5.0")
        b.account = ("nobody", IMS_PASSWORD)
        replies = [x.send("a@hq.example", "b@branch.example", message()).reply
                   for x in (a, b)]
        assert replies[0] == replies[1]


def test_nobody_sends_before_the_login(sites):
    with sites() as s, wire.Client(s.relay.address("ims"), HQ_CLIENT) as c:
        c.greeted()
        assert c.ask("MAIL FROM:<a@hq.example>")[0] == 530


def test_the_log_ties_both_sides_of_a_message_and_names_the_policy_line(sites):
    with sites() as s:
        s.client("5.0").send("a@hq.example", "b@branch.example", message())
        accepted = s.relay.wait_event("accept")
        delivered = s.relay.wait_event("deliver", id=accepted["id"])
        assert delivered["outcome"] == "delivered"
        assert delivered["to"] == "b@branch.example"
        assert accepted["user"] == "ims" and accepted["peer"] == "hq"
        route = s.relay.wait_event("decision", question="route")
        file, line = route["where"].rsplit(":", 1)
        text = (s.relay.config_file.parent / "policy.lua").read_text()
        assert file.endswith("policy.lua")
        assert 'd.route { to = d.vars.branch_domain, hop = "branch" }' == (
            text.splitlines()[int(line) - 1])
        said = s.relay.wait_event("speak", id=accepted["id"])
        assert said["what"].startswith("said AUTH NTLM (assumed)")
        login = s.relay.wait_event("session", peer="hq")
        assert re.search(r"NTLMv1 .*flags=\w+.*user=ims .*workstation=IMS50",
                         login["what"])


def test_many_at_once_in_both_directions_and_none_is_lost(sites):
    n = 30
    failed = []

    def send(version, sender, to, i):
        o = s.client(version).send(sender, to, message(f"{version}-{i}"))
        if not o.is_delivered:
            failed.append(o)

    with sites() as s:
        threads = [threading.Thread(target=send, args=(*what, i))
                   for i in range(n) for what in (
                       ("5.0", "a@hq.example", "b@branch.example"),
                       ("5.5", "b@branch.example", "a@hq.example"))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failed, failed[0].transcript
        for server, version in ((s.branch, "5.0"), (s.hq, "5.5")):
            got = sorted(without_trace(m.data) for m in server.wait_mails(n))
            assert got == sorted(message(f"{version}-{i}") for i in range(n))
        s.relay.wait_empty()
