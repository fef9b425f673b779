"""Which verb and mechanism a hop is spoken to in, and what happens when it
knows none of ours.
"""
import socket

import pytest

from emulated import wire
from emulated.exchange import Ims50Server, Ims55Server
from harness.fixtures import HQ_PASSWORD
from harness.mail import Report, message

ACCOUNTS = {"service": HQ_PASSWORD}

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", %s }
d.route { to = "branch.example", hop = "h" }
"""
NTLM = 'login = { "NTLM", secret = "service" }'


def policy(server, options=NTLM):
    return POLICY % (server.address, options)


def send(r, subject="hello", to="b@branch.example"):
    with wire.Client(r.address()) as c:
        return c.greeted().mail("a@hq.example", [to], message(subject))


def verbs(server):
    return [x for x in server.commands() if x in ("AUTH", "XAUTH", "MAIL")]


def test_a_hop_without_a_dialect_is_spoken_to_by_what_its_ehlo_shows(relay):
    with wire.Server(ehlo=["XAUTH NTLM"], takes={"XAUTH": {"NTLM"}},
                     accounts=ACCOUNTS, ntlm_style="modern") as hop:
        r = relay(policy(hop))
        send(r)
        (mail,) = hop.wait_mails()
        assert (mail.verb, verbs(hop)) == ("XAUTH", ["XAUTH", "MAIL"])
        assert r.wait_status("speaks", lambda x: x["verb"] == "XAUTH")[
            "host"] == hop.address


@pytest.mark.parametrize("refusal", [
    "500 command not recognized", "502 command not implemented",
    "500 5.5.1 unrecognized command"])
@pytest.mark.parametrize("options", [NTLM, NTLM + ', dialect = "exchange-5.5"'])
def test_on_not_recognized_the_next_verb_is_tried_in_the_same_session(
        relay, refusal, options):
    with wire.Server(ehlo=["AUTH NTLM", "XAUTH NTLM"],
                     takes={"XAUTH": {"NTLM"}}, accounts=ACCOUNTS,
                     replies={"AUTH": refusal}, ntlm_style="modern") as hop:
        r = relay(policy(hop, options))
        send(r)
        hop.wait_mails()
        assert verbs(hop) == ["AUTH", "XAUTH", "MAIL"]
        assert len(hop.sessions) == 1


def test_the_verb_that_worked_is_remembered_shown_and_forgotten_on_reload(
        relay):
    with Ims55Server(ACCOUNTS) as hop:
        r = relay(policy(hop, NTLM + ', dialect = "exchange-5.0"'))
        send(r)
        hop.wait_mails()
        assert verbs(hop) == ["XAUTH", "AUTH", "MAIL"]
        row = r.wait_status("speaks", lambda x: True)
        assert (row["hop"], row["host"], row["verb"], row["mechanism"]) == (
            "h", hop.address, "AUTH", "NTLM")
        assert 3500 < int(row["for_s"]) <= 3600

        hop.sessions[0].channel.sock.shutdown(2)  # a new session is needed
        hop.wait_sessions()
        send(r)
        hop.wait_mails(2)
        assert verbs(hop)[3:] == ["AUTH", "MAIL"]

        assert r.command("reload").returncode == 0
        hop.wait_sessions(2)
        send(r)
        hop.wait_mails(3)
        assert verbs(hop)[5:] == ["XAUTH", "AUTH", "MAIL"]


def test_a_hop_that_hangs_up_on_an_unknown_verb_gets_the_next_in_a_new_session(
        relay):
    def refuse(session, _):
        session.say("500 command not recognized")
        session.channel.sock.shutdown(socket.SHUT_RDWR)

    with Ims55Server(ACCOUNTS, replies={"XAUTH": refuse}) as hop:
        r = relay(policy(hop, NTLM + ', dialect = "exchange-5.0"'))
        send(r)
        hop.wait_mails()
        assert [[x for x in s.transcript.said("C") if x[:5] != "EHLO "][0][:5]
                for s in hop.sessions] == ["XAUTH", "AUTH "]
        r.wait_event("deliver")
        assert len(r.events_of("deliver")) == 1


def test_a_5_0_hop_whose_login_is_ntlm_is_never_sent_anything_weaker(relay):
    """Shown LOGIN only, nothing assumed: QUIT, no MAIL, held, told."""
    with wire.Server(ehlo=["AUTH LOGIN", "AUTH=LOGIN"],
                     takes={"AUTH": {"LOGIN"}}, accounts=ACCOUNTS) as hop, \
            wire.Server("home.test") as home:
        r = relay(policy(hop, NTLM + ', give_up = "2s"') +
                  'd.hop "home" { hosts = { "%s" }, tls = "never" }\n'
                  'd.route { to = "hq.example", hop = "home" }'
                  % home.address)
        send(r)
        (session,) = hop.wait_sessions()
        assert session.transcript.said("C") == ["EHLO relay.test", "QUIT"]
        lane = r.wait_status("lane", lambda x: x["hop"] == "h")
        assert lane["held"] == "no-common-auth", lane
        assert "AUTH LOGIN" in lane["reason"]
        (line,) = [x for x in r.queue() if "hop=h " in x]
        assert "because no-common-auth" in line and "AUTH LOGIN" in line
        r.wait_event("alert", name="hop-held")

        # the report goes out when it is given up, not at the next probe
        mails = home.wait_mails(2)  # an alert to postmaster, too
        report = next(Report(m.data) for m in mails
                      if b"multipart/report" in m.data)
        assert report.field("Action") == "failed"
        assert report.field("Status").startswith("5.")
        assert "offers no way to log in that we know" in report.text
        assert "AUTH LOGIN" in report.text
        assert "MAIL" not in hop.commands()
        assert "AUTH" not in hop.commands()


def test_a_held_hop_is_tried_again_at_once_after_a_reload(relay):
    with wire.Server(ehlo=["AUTH LOGIN"], takes={"AUTH": {"NTLM"}},
                     accounts=ACCOUNTS, ntlm_style="modern") as hop:
        r = relay(policy(hop))
        send(r)
        r.wait_status("lane", lambda x: "held" in x)
        hop.ehlo = ["AUTH NTLM"]
        assert r.command("reload").returncode == 0
        hop.wait_mails()
        r.wait_empty()
        assert not any("held" in x for x in r.status("lane"))


def test_a_held_hop_is_tried_again_at_once_after_a_start(relay):
    with wire.Server(ehlo=["AUTH LOGIN"], takes={"AUTH": {"NTLM"}},
                     accounts=ACCOUNTS, ntlm_style="modern") as hop:
        r = relay(policy(hop))
        send(r)
        r.wait_status("lane", lambda x: "held" in x)
        r.stop()
        hop.ehlo = ["AUTH NTLM"]
        r.start()
        hop.wait_mails()


def test_login_is_used_where_the_policy_lists_it(relay):
    # the secret has a domain, so the account has one too
    account = "DOM\\service"
    with wire.Server(ehlo=["AUTH LOGIN"], takes={"AUTH": {"LOGIN"}},
                     accounts={account: HQ_PASSWORD}) as hop:
        r = relay(policy(hop, 'login = { { "NTLM", secret = "service" }, '
                              '{ "LOGIN", secret = "service" } }'))
        send(r)
        (mail,) = hop.wait_mails()
        assert mail.user == account


def test_ntlmv2_is_sent_where_the_challenge_allows_it(relay):
    with wire.Server(ehlo=["AUTH NTLM"], takes={"AUTH": {"NTLM"}},
                     accounts=ACCOUNTS, ntlm_style="modern") as hop:
        r = relay(policy(hop))
        send(r)
        hop.wait_mails()
        assert hop.sessions[0].kind == "v2"


def test_ntlmv1_is_not_sent_where_the_dialect_does_not_list_it(relay):
    with wire.Server(ehlo=["AUTH NTLM"], takes={"AUTH": {"NTLM"}},
                     accounts=ACCOUNTS, ntlm_style="nt4") as hop:
        r = relay(policy(hop))
        send(r)
        hop.wait_mails()
        assert hop.sessions[0].kind == "v2"  # though nothing asks for it


def test_ntlmv1_is_sent_to_a_server_of_that_age(relay):
    with Ims50Server(ACCOUNTS) as hop:
        r = relay(policy(hop, NTLM + ', dialect = "exchange-5.0"'))
        send(r)
        hop.wait_mails()
        assert hop.sessions[0].kind == "v1"


def test_a_refused_login_keeps_the_mail_and_holds_the_hop(relay):
    with wire.Server(ehlo=["AUTH NTLM"], takes={"AUTH": {"NTLM"}},
                     accounts={"service": "another"}, ntlm_style="modern",
                     replies={"535": "535 5.7.139 switched off"}) as hop:
        r = relay(policy(hop))
        send(r)
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "login-refused"
        assert "535 5.7.139 switched off" in lane["reason"]
        assert len(r.queue()) == 1
        assert hop.commands().count("MAIL") == 0


def test_a_hook_may_choose_the_verb_or_overrule_what_a_reply_means(relay):
    with wire.Server(ehlo=["AUTH NTLM", "XAUTH NTLM"], accounts=ACCOUNTS,
                     takes={"AUTH": {"NTLM"}, "XAUTH": {"NTLM"}},
                     ntlm_style="modern",
                     replies={"END": lambda *_: next(answers)}) as hop:
        answers = iter(["554 come back when it is night", "250 OK"])
        r = relay(policy(hop, NTLM) + """
            d.on.speak = function(q)
              return d.use { verb = "XAUTH", because = "I say so" }
            end
            d.on.reply = function(q)
              if q.reply:find("night", 1, true) then
                return d.retry { after = "1s" }
              end
            end
        """)
        send(r)
        hop.wait_mails()
        assert verbs(hop)[0] == "XAUTH"
        deliveries = r.events_of("deliver")
        assert [d["outcome"] for d in deliveries][0] == "retry"
        assert deliveries[0]["where"].startswith("policy.lua:")
