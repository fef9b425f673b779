"""The emulated Exchange peers behave as the KB tells, also among themselves.

If these fail, what the other tests show about them is worth nothing.
"""
import base64

import pytest

from emulated import ntlm, wire
from emulated.exchange import SERVERS, ImsClient
from harness.fixtures import BRANCH_PASSWORD, HQ_PASSWORD
from harness.mail import HARD_BODY, message

# Q262945, as recorded there
TYPE1 = "TlRMTVNTUAABAAAAt5IAQAcABwAgAAAAAAAAAAAAAABUSU1EVU1QAAAAAAAAAAA="
TYPE2 = ("TlRMTVNTUAACAAAADgAOADAAAAC1ggFAkDTQvqfglJ8AAAAAAAAAAAAAAAA+AAAAVABJ"
         "AE0ARABPAEYAVQA=")


def talk(server_version, client_version, password=HQ_PASSWORD):
    with SERVERS[server_version]({"svc": HQ_PASSWORD}) as server:
        outcome = ImsClient(client_version, server.address, "svc",
                            password).send(
            "a@hq.example", "b@branch.example", message(body=HARD_BODY))
        return server, outcome


def test_the_challenge_is_the_recorded_one_byte_for_byte():
    got = ntlm.nt4_type2(base64.b64decode(TYPE1), "TIMDOFU",
                         bytes.fromhex("9034d0bea7e0949f"))
    assert got == base64.b64decode(TYPE2)


def test_a_5_0_client_quits_at_a_5_5_server_and_writes_the_report_of_q195201():
    server, outcome = talk("5.5", "5.0")
    assert not outcome.is_delivered and not server.mails
    assert server.commands() == ["EHLO", "QUIT"]
    assert ("MSEXCH:IMS:Organization:Site:IMS50 3502 (000B0981) "
            "502 Server does not support AUTH.") in outcome.ndr
    assert "One or more mandatory argument(s) were missing" in outcome.ndr


def test_a_5_5_client_is_told_500_by_a_5_0_server():
    server, outcome = talk("5.0", "5.5")
    assert not outcome.is_delivered and not server.mails
    assert server.commands() == ["EHLO", "AUTH", "QUIT"]
    assert outcome.reply == "500 command not recognized"
    assert "3500 (000B099C) 500 command not recognized" in outcome.ndr


@pytest.mark.parametrize("server_version, client_version, verb", [
    ("5.0", "5.0", "XAUTH"), ("5.5", "5.5", "AUTH"),
    ("5.5-fixed", "5.0", "XAUTH"), ("5.0", "5.5-fixed", "XAUTH"),
    ("5.5", "5.5-fixed", "AUTH"),
])
def test_those_with_a_word_in_common_exchange_mail(
        server_version, client_version, verb):
    server, outcome = talk(server_version, client_version)
    assert outcome.is_delivered, outcome.transcript
    (mail,) = server.mails
    assert (mail.user, mail.verb) == ("svc", verb)
    assert mail.data == message(body=HARD_BODY)


@pytest.mark.parametrize("version", ["5.0", "5.5"])
def test_a_wrong_password_is_refused(version):
    server, outcome = talk(version, version, BRANCH_PASSWORD)
    assert not outcome.is_delivered and not server.mails
    assert outcome.reply.startswith("535 ")


def test_a_bare_auth_ntlm_does_not_work_at_a_5_5_server():
    with SERVERS["5.5"]({"svc": HQ_PASSWORD}) as server:
        with wire.Client(server.address) as c:
            c.greeted()
            assert c.ask("AUTH NTLM")[0] == 501
