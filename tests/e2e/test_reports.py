"""What can never be delivered comes back as a report in the policy's words."""
import email
import email.policy

import pytest

from emulated import wire
from harness.mail import EIGHT_BIT, Report, message, without_trace

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "far" { hosts = { "%s" }, tls = "never", retry = { "1s" }, %s }
d.hop "home" { hosts = { "%s" }, tls = "never", retry = { "1s" } }
d.route { to = { "hq.example", "postmaster@hq.example" }, hop = "home" }
d.route { to = "branch.example", hop = "far" }
d.route { refuse = "550 5.7.1 this relay joins two sites only" }
"""
POLICY = POLICY.replace('{ "hq.example", "postmaster@hq.example" }',
                        '"hq.example"')


class Post:
    """A hop that refuses, a hop where reports arrive, a relay between."""

    def __init__(self, relay, words="", far="", start=True, **config):
        self.far = wire.Server("far.test")
        self.home = wire.Server("home.test")
        self.relay = relay(POLICY % (self.far.address, far, self.home.address)
                           + words, start=start, **config)

    def send(self, sender="a@hq.example", to=("b@branch.example",), data=None):
        with wire.Client(self.relay.address()) as c:
            return c.greeted().mail(sender, to, data or message())

    def report(self, n=1):
        return Report(self.home.wait_mails(n)[n - 1].data)


@pytest.fixture
def post(relay):
    made = []

    def make(**options):
        made.append(Post(relay, **options))
        return made[-1]
    yield make
    for p in made:
        p.far.stop()
        p.home.stop()


def test_the_report_is_an_rfc_3464_report_with_the_exact_reply(post):
    p = post()
    reply = "550 5.1.1 no mailbox <b@branch.example> \"here\" (42)"
    p.far.replies["RCPT"] = reply
    p.send()
    (mail,) = p.home.wait_mails()
    assert mail.sender == ""
    assert mail.recipients == ["a@hq.example"]
    r = Report(mail.data)
    assert r.message["To"] == "a@hq.example"
    assert r.message["Auto-Submitted"].startswith("auto-")
    assert r.message["MIME-Version"] == "1.0"
    assert r.message["Date"] and r.message["Message-ID"]
    assert r.about_message["Reporting-MTA"] == "dns; relay.test"
    assert r.about_message["Arrival-Date"]
    assert r.field("Final-Recipient") == "rfc822; b@branch.example"
    assert r.field("Action") == "failed"
    assert r.field("Status") == "5.1.1"
    assert r.field("Diagnostic-Code") == "smtp; " + reply
    assert r.field("Remote-MTA").startswith("dns; ")
    # and the whole message comes back, as it was
    assert r.returned.get_content_type() == "message/rfc822"
    assert without_trace(p.home.mails[0].data[
        p.home.mails[0].data.index(b"Received: from client.test"):]
    ).startswith(message())


def test_a_reply_of_many_lines_is_kept_whole(post):
    p = post()
    p.far.replies["MAIL"] = "550-5.7.1 first line\n550-5.7.1 and second\n" \
                            "550 5.7.1 third"
    p.send()
    r = p.report()
    diagnostic = r.field("Diagnostic-Code")
    for part in ("first line", "and second", "third"):
        assert part in diagnostic, diagnostic
    assert r.field("Status") == "5.7.1"


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "END"])
def test_a_refusal_at_any_stage_comes_back(post, stage):
    p = post()
    p.far.replies[stage] = f"554 5.6.0 no, at {stage}"
    p.send()
    assert p.report().field("Diagnostic-Code") == (
        f"smtp; 554 5.6.0 no, at {stage}")
    assert not p.far.mails
    p.relay.wait_empty()


def test_each_recipient_has_its_own_fate(post):
    p = post()
    p.far.replies["RCPT"] = lambda s, rest: (
        "550 5.1.1 unknown" if "bad" in rest else None)
    p.send(to=["good@branch.example", "bad@branch.example",
               "bad2@branch.example"])
    (delivered,) = p.far.wait_mails()
    assert delivered.recipients == ["good@branch.example"]
    r = p.report()
    assert [r.field("Final-Recipient", i) for i in range(2)] == [
        "rfc822; bad@branch.example", "rfc822; bad2@branch.example"]
    assert len(r.about) == 2
    p.relay.wait_empty()


def test_what_was_waited_for_in_vain_has_status_5(post):
    p = post(far='give_up = "2s"')
    p.far.replies["RCPT"] = "452 4.2.2 mailbox full"
    p.send()
    r = p.report()
    assert r.field("Status").startswith("5."), r.field("Status")
    assert "452 4.2.2 mailbox full" in r.field("Diagnostic-Code")
    assert p.relay.wait_event("deliver", outcome="given-up")


def test_a_hop_that_cannot_be_reached_is_named(post):
    p = post(far='give_up = "2s"')
    p.far.stop()
    p.send()
    r = p.report()
    assert p.far.address in r.text
    assert r.field("Status") == "5.4.1" or r.field("Status") == "5.4.7"


@pytest.mark.parametrize("words, text", [
    ('d.words { ["unknown-recipient"] = '
     '"No one called {recipient} works at {domain}. They said: {reply}" }',
     "No one called b@branch.example works at branch.example. They said: "
     "550 5.1.1 unknown"),
    ('d.words { to = "branch.example", ["550 5.1.1"] = "by its reply" }\n'
     'd.words { ["unknown-recipient"] = "by its meaning" }', "by its reply"),
    ('d.words { to = "other.example", ["unknown-recipient"] = "other" }\n'
     'd.words { ["unknown-recipient"] = "first that fits" }',
     "first that fits"),
    ('d.words { ["unknown-recipient"] = function(q)\n'
     '  return q.recipient:upper() .. " " .. q.code .. " " .. q.subject end }',
     "B@BRANCH.EXAMPLE 550 hello"),
    ('d.on.report = function(q) return d.say { text = "hook: " .. q.meaning }'
     ' end', "hook: unknown-recipient"),
    ("", "There is no b@branch.example at branch.example."),
])
def test_the_words_are_the_policys(post, words, text):
    p = post(words=words)
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.send()
    assert text in " ".join(p.report().text.split())


def test_the_log_names_the_line_that_chose_the_words(post):
    p = post(words='d.words {\n  ["unknown-recipient"] = "gone",\n}\n')
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.send()
    p.report()
    event = p.relay.wait_event("report")
    lines = (p.relay.dir / "policy.lua").read_text().splitlines()
    line = int(event["where"].rsplit(":", 1)[1])
    assert '["unknown-recipient"] = "gone"' in lines[line - 1]


def test_the_style_of_1998_is_there_for_those_who_are_used_to_it(post):
    p = post(words='d.words { like = "msexch-1998", '
                   'set = { org = "Acme", site = "HQ", server = "NTS2" } }')
    p.far.replies["RCPT"] = "550 5.1.1 unknown or illegal user: b"
    p.send()
    r = p.report()
    assert ("MSEXCH:IMS:Acme:HQ:NTS2 3550 (000B0981) 550 5.1.1 unknown or "
            "illegal user: b") in " ".join(r.text.split())
    assert "did not reach the following recipient(s):" in r.text
    assert "The recipient name is not recognized" in r.text


def test_words_may_be_of_any_language_and_say_which(post):
    p = post(words='d.words { lang = "de", subject = "Zurück", '
                   '["unknown-recipient"] = "Bei {domain} gibt es '
                   '{recipient} nicht. Grüße" }')
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.send()
    r = p.report()
    assert "Bei branch.example gibt es b@branch.example nicht. Grüße" in (
        " ".join(r.text.split()))
    assert r.lang == "de"
    assert r.subject == "Zurück"


def test_a_policy_may_say_that_no_report_is_sent(post):
    p = post(words='d.on.report = function(q) return d.say { text = false } '
                   'end')
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.send()
    p.relay.wait_event("report")
    p.relay.wait_empty()
    assert not p.home.mails


def test_a_large_message_comes_back_as_its_header_only(post):
    p = post()
    p.far.replies["END"] = "552 5.3.4 too big"
    p.send(data=message(body=b"0123456789\r\n" * 50000))
    r = p.report()
    assert r.returned.get_content_type() == "text/rfc822-headers"
    assert "Subject: hello" in r.returned.get_content()
    assert len(r.raw) < 50000


@pytest.mark.parametrize("body", [EIGHT_BIT, "grüße\r\n".encode()])
def test_a_report_about_an_8_bit_message_is_sound(post, body):
    p = post()
    p.far.replies["END"] = "554 5.6.0 no"
    p.send(data=message(body=body))
    assert p.report().field("Action") == "failed"


def test_a_message_without_a_sender_is_reported_to_postmaster(post):
    p = post()
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.send(sender="")
    (mail,) = p.home.wait_mails()
    assert mail.recipients == ["postmaster@hq.example"]
    assert mail.sender == ""


def test_a_report_that_cannot_be_delivered_goes_to_postmaster(post):
    p = post()
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.home.replies["RCPT"] = lambda s, rest: (
        "550 5.1.1 a is gone" if "a@hq" in rest else None)
    p.send()
    (mail,) = p.home.wait_mails()
    assert mail.recipients == ["postmaster@hq.example"]
    r = Report(mail.data)
    assert "550 5.1.1 a is gone" in r.field("Diagnostic-Code")
    p.relay.wait_empty()


def test_a_report_that_nobody_takes_ends_here_and_never_in_a_circle(post):
    p = post()
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.home.replies["RCPT"] = "550 5.1.1 nobody is here"
    p.send()
    p.relay.wait_event("alert", name="report-lost")
    p.relay.wait_empty()
    # the report, and the report about it; an alert is a mail too
    assert len(p.relay.events_of("report-sent")) == 2
    assert any(x["name"] == "report-lost" for x in p.relay.status("alert"))


def test_a_sender_to_whom_no_route_leads_does_not_get_mail_elsewhere(post):
    p = post()
    p.far.replies["RCPT"] = "550 5.1.1 unknown"
    p.send(sender="x@elsewhere.example")
    (mail,) = p.home.wait_mails()
    assert mail.recipients == ["postmaster@hq.example"]


def test_hostile_replies_cannot_break_out_of_the_report(post):
    p = post()
    p.far.replies["RCPT"] = ("550-5.1.1 \x1b[31mred\x07 --report\n"
                             "550 5.1.1 " + "x" * 480)
    p.send(data=message(subject="=?utf-8?q?=0d=0aX: y?="))
    r = p.report()
    assert b"\x1b" not in r.raw and b"\x07" not in r.raw
    assert "\x1b" not in p.relay.log()
    parsed = email.message_from_bytes(r.raw, policy=email.policy.default)
    assert parsed["X"] is None


def test_a_thousand_long_refusals_still_make_one_report(post):
    """A cap that they pass would keep the report from ever being written."""
    p = post()
    p.far.replies["RCPT"] = "550 5.1.1 " + "no mailbox by that name, " * 38
    to = [f"person-{i}@branch.example" for i in range(1000)]
    p.send(to=to)
    report = p.report()
    assert len(report.about) == 1000
    assert {about["Final-Recipient"].split()[-1]
            for about in report.about} == set(to)
    p.relay.wait_empty()
    assert len(p.home.mails) == 1
