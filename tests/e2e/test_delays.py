"""The sender is told of a delay: once, also while a hop is held, whatever
happens to the relay.
"""
from email.utils import parsedate_to_datetime

from emulated import wire
from harness.mail import Report, message
from harness.relay import until

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "require", retry = { "1s" },
            warn = "1s", give_up = "%s" }
d.hop "home" { hosts = { "%s" }, tls = "never", warn = "1h" }
d.route { to = "hq.example", hop = "home" }
d.route { hop = "h" }
"""


def told(home, n=1):
    """The reports that the sender got; alerts go to postmaster."""
    def those():
        return [m for m in list(home.mails) if m.recipients == ["a@hq.example"]]
    home.wait(f"{n} reports", lambda: len(those()) >= n)
    return those()


def send(r, *to, sender="a@hq.example"):
    with wire.Client(r.address()) as c:
        return c.greeted().mail(sender, list(to), message("late"))


def test_a_held_hop_delays_and_then_fails_and_both_are_told_once(relay):
    with wire.Server() as hop, wire.Server("home.test") as home:
        r = relay(POLICY % (hop.address, "4s", home.address))
        send(r, "b@branch.example", "c@branch.example")
        (mail,) = told(home)
        report = Report(mail.data)
        assert (mail.sender, mail.recipients) == ("", ["a@hq.example"])
        assert "delayed" in report.subject
        for i, to in enumerate(("b", "c")):
            assert report.field("Action", i) == "delayed"
            assert report.field("Status", i).startswith("4.")
            assert report.field("Final-Recipient", i) == (
                f"rfc822; {to}@branch.example")
            until = parsedate_to_datetime(report.field("Will-Retry-Until", i))
            came = parsedate_to_datetime(report.about_message["Arrival-Date"])
            assert 3 <= (until - came).total_seconds() <= 5
            assert f"{to}@branch.example" in report.text
        assert "You need not send" in report.text
        assert report.message["Auto-Submitted"] == "auto-replied"
        # the header of the message, and no more
        assert report.returned.get_content_type() == "text/rfc822-headers"
        assert len(r.queue()) == 2
        lane = r.wait_status("lane", lambda x: x["hop"] == "h")
        assert lane["held"] == "tls-failed"

        mails = told(home, 2)
        assert Report(mails[1].data).field("Action") == "failed"
        assert not r.queue()
        assert len(told(home)) == 2
        assert not r.events_of("alert", name="report-lost")


def test_a_restart_does_not_tell_it_again(relay):
    with wire.Server() as hop, wire.Server("home.test") as home:
        r = relay(POLICY % (hop.address, "1h", home.address))
        send(r, "b@branch.example")
        told(home)
        # a report whose 250 was not noted down would come twice
        until("the report to be settled", lambda: not any(
            "to=<a@hq.example>" in x for x in r.queue()))
        r.kill()
        r.start()
        # it is tried, found held and kept; the next is told of after it
        r.wait_event("hop", hop="h")
        send(r, "c@branch.example")
        mails = told(home, 2)
        assert "c@branch.example" in Report(mails[1].data).text
        assert len(told(home)) == 2


def test_a_report_and_an_unreachable_sender_cause_no_word(relay):
    with wire.Server() as hop, wire.Server("home.test") as home:
        r = relay(POLICY.replace('to = "hq.example"', 'to = "a@hq.example"')
                  .replace('d.route { hop = "h" }', 'd.route '
                           '{ to = "branch.example", hop = "h" }')
                  % (hop.address, "1h", home.address))
        send(r, "b@branch.example", sender="")
        send(r, "b@branch.example", sender="x@nowhere.example")
        send(r, "c@branch.example")
        (mail,) = told(home)
        assert "c@branch.example" in Report(mail.data).text
        assert not r.events_of("alert", name="report-lost")
        assert len(r.queue()) == 3


def test_a_hop_that_is_gone_when_the_delay_is_due_fails_no_mail(relay):
    """What is due then is not that of giving up, and nobody says any more when
    that would be: the routes are asked."""
    with wire.Server("other.test") as other, wire.Server("home.test") as home:
        text = (POLICY.replace('warn = "1s"', 'warn = "2s"')
                .replace('retry = { "1s" }', 'retry = { "30m" }'))
        r = relay(text % ("127.0.0.1:9", "1h", home.address))
        send(r, "b@branch.example")
        r.wait_event("deliver", outcome="retry")
        r.write_policy(text.replace('"h"', '"g"').replace(
            'tls = "require"', 'tls = "never"')
            % (other.address, "1h", home.address))
        assert r.command("reload").returncode == 0
        (mail,) = other.wait_mails()
        assert mail.recipients == ["b@branch.example"]
        assert not r.events_of("deliver", outcome="given-up")
