"""What operators do with the queue: look, pick, retry, hold, release, drop."""
import json
import re
import socket
import sqlite3

import pytest

from emulated.wire import Client, Server
from harness.mail import Report, message
from harness.relay import run, until

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "good" { hosts = { "%s" }, tls = "never", retry = { "1h" } }
d.hop "slow" { hosts = { "%s" }, tls = "never", retry = { "1h" } }
d.route { to = "slow.example", hop = "slow" }
d.route { hop = "good" }
"""
BUSY = {"MAIL": "451 4.3.2 come again later"}


def send(r, to="b@slow.example", sender="a@hq.example", subject="hello",
         body=b"hello\r\n"):
    with Client(r.address()) as c:
        return c.greeted().mail(sender, [to] if isinstance(to, str) else to,
                                message(subject=subject, body=body))


def queue(r, *words, code=0, **options):
    done = r.command("queue", *words, **options)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def rows(r, *words):
    done = r.command("queue", "list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(x) for x in done.stdout.splitlines()]


@pytest.fixture
def site(relay):
    """A relay, a hop that takes all, and one that puts all off."""
    with Server() as good, Server(replies=dict(BUSY)) as slow:
        r = relay(POLICY % (good.address, slow.address))
        r.good, r.slow = good, slow
        yield r


def put_off(r, n=1, **how):
    """n messages that were tried and wait an hour."""
    before = len(rows(r)) + n * (len(how["to"]) - 1 if isinstance(
        how.get("to"), list) else 0)
    for i in range(n):
        send(r, subject=f"m{i}", **how)
    return until("the tries", lambda: (x := rows(r)) and
                 len(x) == before + n and all(y["tries"] for y in x) and x)


# ---- looking ------------------------------------------------------------------


def test_every_waiting_message_has_a_sentence(site):
    (row,) = put_off(site)
    (line,) = site.queue()
    for part in ("from=<a@hq.example>", "to=<b@slow.example>", "hop=slow",
                 "tries=1", ", because temporary: ",
                 "said 451 4.3.2 come again later", "first tried ",
                 "given up in 5d"):
        assert part in line, (part, line)
    assert re.search(r"next in (5\dm|1h)", line), line  # a tenth more or less
    assert row["sentence"] in line
    assert row["state"] == "waiting" and row["meaning"] == "temporary"
    assert 3200 < row["due"] - row["arrival"] < 4000
    assert row["recipient"] == "b@slow.example" and row["hop"] == "slow"


def test_show_tells_all_of_one_message_and_its_header(site):
    (row,) = put_off(site)
    text = queue(site, "show", row["id"])
    for part in (f"message {row['id']}", "<a@hq.example>", "listener main",
                 "peer people", "<b@slow.example> by hop slow",
                 "1 try: next in ", ", because temporary",
                 "| Received: ", "| Subject: m0"):
        assert part in text, (part, text)
    assert "no such message" in queue(site, "show", "0123", code=1)


def test_what_strangers_wrote_is_harmless_to_a_terminal(site):
    site.slow.replies["MAIL"] = "451 \x1b]0;owned\x07 \x9b31m \xff"
    (row,) = put_off(site, body=b"x\r\n")
    for words in (("list",), ("show", row["id"]), ("list", "--table"),
                  ("list", "--json"), ("show", row["id"], "--json")):
        text = queue(site, *words)
        assert text.replace("\n", "").isprintable(), (words, text)
    assert "owned" in text


def test_stats_count_by_domain_and_age(site):
    put_off(site, 3)
    put_off(site, 1, to="c@SLOW.example")
    lines = queue(site, "stats").splitlines()
    assert "<5" in lines[0] and ">=1280" in lines[0]
    assert re.match(r"TOTAL +4 +4 +0 ", lines[1]), lines
    assert re.match(r"slow.example +4 +4 +0 ", lines[2]), lines
    (by_hop,) = [json.loads(x) for x in queue(
        site, "stats", "--by", "hop", "--json").splitlines()]
    assert by_hop == {"name": "slow", "recipients": 4,
                      "ages": [4] + [0] * 9}


def test_wrong_words_are_told_without_a_relay(tmp_path):
    for words, part in (
            (["lst"], "did you mean list?"),
            ([], "usage"),
            (["list", "--hob", "x"], "did you mean --hop?"),
            (["list", "--dry-run"], "no option"),
            (["list", "--age", "tomorrow"], "--age takes a time"),
            (["list", "--limit", "0"], "--limit takes a number"),
            (["stats", "--by", "moon"], "--by takes"),
            (["drop"], "drop what?"), (["hold", "--dry-run"], "hold what?"),
            (["drop", "--all=yes"], "no option"),
            (["drop", "--hop"], "--hop takes"),
            (["drop", "../../etc"], "no id"), (["show"], "which message"),
            (["check", "--hop", "x"], "no option")):
        done = run("queue", *words, cwd=tmp_path)
        assert done.returncode == 2 and part in done.stderr, (words, done)
    done = run("queue", "list", cwd=tmp_path)  # no configuration
    assert done.returncode == 2


# ---- changing -----------------------------------------------------------------


def test_retry_delivers_now_what_would_wait_an_hour(site):
    first, second = put_off(site, 2)
    del site.slow.replies["MAIL"]
    assert "1 recipient of 1 message tried again now" in queue(
        site, "retry", first["id"])
    site.slow.wait_mails(1)
    until("one left", lambda: [x["id"] for x in rows(site)] == [second["id"]])
    queue(site, "retry", "--hop", "slow")
    site.slow.wait_mails(2)
    site.wait_empty()


def test_held_mail_waits_until_it_is_released(site):
    (row,) = put_off(site)
    del site.slow.replies["MAIL"]
    assert "held" in queue(site, "hold", "--domain", "slow.example")
    (held,) = rows(site)
    assert held["state"] == "held" and held["due"] is None
    assert held["expire"] is None
    assert "held by an operator" in site.queue()[0]
    assert "1 held (release them): left alone" in queue(
        site, "retry", "--all", code=1)
    site.stop()
    site.start()
    send(site, to="x@good.example")
    site.good.wait_mails(1)
    assert not site.slow.mails
    queue(site, "release", row["id"])
    assert site.slow.wait_mails(1)
    site.wait_empty()
    assert "0 recipients" in queue(site, "release", "--all", code=1)


def test_what_a_policy_holds_is_released_by_a_person(relay):
    with Server() as hop:
        r = relay(POLICY % (hop.address, hop.address) + """
d.on.content = function(q)
  if q:header("Subject") == "odd" then return d.hold { because = "odd" } end
end
""")
        send(r, subject="odd")
        (row,) = rows(r)
        assert row["state"] == "held" and row["expire"] is None, row
        assert "held by the policy" in r.queue()[0], r.queue()
        send(r, subject="even")
        hop.wait_mails(1)
        assert b"Subject: even" in hop.mails[0].data
        queue(r, "release", row["id"])
        hop.wait_mails(2)
        r.wait_empty()


def test_drop_is_silent_and_with_report_it_is_not(site):
    first, second = put_off(site, 2)
    queue(site, "drop", first["id"])
    assert [x["id"] for x in rows(site)] == [second["id"]]
    assert not site.good.mails
    queue(site, "drop", "--report", second["id"])
    (mail,) = site.good.wait_mails(1)
    report = Report(mail.data)
    assert mail.recipients == ["a@hq.example"] and mail.sender == ""
    assert report.field("Action") == "failed"
    assert report.field("Final-Recipient").endswith("b@slow.example")
    assert "given up by an operator" in report.field("Diagnostic-Code")
    site.wait_empty()
    assert len(site.events_of("queue", change="drop")) == 2


def test_dry_it_says_what_it_would_do_and_does_nothing(site):
    put_off(site, 3)
    for verb in ("retry", "hold", "drop"):
        text = queue(site, verb, "--all", "--dry-run")
        assert text.count("to=<b@slow.example>") == 3
        assert "3 recipients of 3 messages would be" in text
    assert len(rows(site)) == 3
    assert {x["state"] for x in rows(site)} == {"waiting"}
    assert not site.events_of("queue")


def test_each_selection_picks(site):
    site.good.replies["MAIL"] = "451 4.3.0 no disk"
    put_off(site, 2)
    put_off(site, 1, to="c@sub.slow.example", sender="other@hq.example")
    send(site, to="d@slow.example", sender="")
    until("four", lambda: len(rows(site)) == 4 and
          all(x["tries"] for x in rows(site)))
    for words, n in (
            (["--hop", "slow"], 3), (["--hop", "good"], 1),
            (["--domain", "slow.example"], 3), (["--sender", "<>"], 1),
            (["--sender", "OTHER@hq.example"], 1), (["--age", "1h"], 0),
            (["--reason", "temporary"], 4), (["--reason", "come AGAIN"], 3),
            (["--hop=slow", "--sender=a@hq.example"], 2),
            (["--reason", "no such words"], 0)):
        assert len(rows(site, *words)) == n, words


def test_a_held_hop_is_said_to_be_and_retry_probes_it(relay):
    policy = """
    local d = require "dragoman"
    d.peer "people" { match = { address = "127.0.0.0/8" } }
    d.hop "h" { hosts = { "%s" }, tls = "never",
      when = { temporary = "hold" } }
    d.route { hop = "h" }
    """
    with Server(replies=dict(BUSY)) as hop:
        r = relay(policy % hop.address)
        send(r)
        until("the hold", lambda: (x := rows(r)) and
              x[0]["state"] == "hop-held")
        assert "its hop, which is held (temporary: 451" in r.queue()[0]
        assert "and tried in 10m" in r.queue()[0]
        del hop.replies["MAIL"]
        queue(r, "retry", "--all")
        assert hop.wait_mails(1)
        r.wait_empty()


# ---- a stopped relay ------------------------------------------------------------


def test_a_stopped_relay_can_be_looked_at_and_not_changed(site):
    first, _ = put_off(site, 2)
    site.stop()
    done = site.command("queue", "list")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    assert "is it running?" in done.stderr
    assert f"message {first['id']}" in queue(site, "show", first["id"])
    assert "TOTAL" in queue(site, "stats")
    assert "would be dropped" in queue(site, "drop", "--all", "--dry-run")
    assert "nothing was changed" in queue(site, "drop", "--all", code=1)
    site.start()
    assert len(rows(site)) == 2


def test_after_a_kill_it_can_be_looked_at_too(site):
    put_off(site, 2)
    site.kill()
    assert len(rows(site)) == 2
    site.start()
    assert len(rows(site)) == 2


def test_where_there_is_no_spool_it_says_so(relay):
    r = relay(POLICY % ("127.0.0.1:9", "127.0.0.1:9"), start=False)
    text = queue(r, "list", code=1)
    assert "spool" in text


# ---- check ----------------------------------------------------------------------


def test_check_finds_a_missing_body(site):
    put_off(site)
    large = b"".join(b"%070d\r\n" % i for i in range(2000))
    put_off(site, body=large)
    assert "are good" in queue(site, "check")
    bodies = list((site.dir / "spool" / "bodies").iterdir())
    assert len(bodies) == 1
    bodies[0].rename(site.dir / "aside")
    text = queue(site, "check", code=1)
    assert f"message {bodies[0].name} has no body" in text
    problem = json.loads(queue(site, "check", "--json", code=1))
    assert problem["problem"] is True
    (site.dir / "aside").rename(bodies[0])
    site.stop()
    assert "are good" in queue(site, "check")


def test_a_lost_body_is_an_alert_and_then_a_report(relay):
    policy = POLICY.replace('retry = { "1h" }', 'retry = { "200ms" }')
    large = b"".join(b"%070d\r\n" % i for i in range(2000))
    with Server() as good, Server(replies=dict(BUSY)) as slow:
        r = relay(policy % (good.address, slow.address))
        send(r, body=large)
        until("a try", lambda: (x := rows(r)) and x[0]["tries"])
        (body,) = (r.dir / "spool" / "bodies").iterdir()
        name = body.name
        body.unlink()
        del slow.replies["MAIL"]  # it would be taken
        until("an alert", lambda: r.events_of("alert", name="body-lost"))
        mails = until("a report", lambda: [
            x for x in good.mails if x.recipients == ["a@hq.example"]])
        r.wait_empty()
        assert len(r.events_of("alert", name="body-lost")) == 1
        assert name in r.events_of("alert", name="body-lost")[0]["text"]
        report = Report(mails[0].data)
        assert report.field("Action") == "failed"
        assert report.field("Status") == "5.3.0"
        assert report.field("Final-Recipient").endswith("b@slow.example")
        assert f"the body of message {name}" in report.field(
            "Diagnostic-Code")
        assert not slow.mails


def test_check_finds_recipients_of_nobody(site):
    put_off(site)
    site.stop()
    with sqlite3.connect(site.dir / "spool" / "spool.db") as db:
        db.execute("UPDATE rcpt SET id = id + 1")
    text = queue(site, "check", code=1)
    assert "1 recipients belong to no message" in text
    assert "1 messages have no recipient" in text


def test_half_a_request_does_nothing(site):
    """A line without its end could pick more than was meant."""

    put_off(site)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(site.dir / "spool" / "control"))
        s.sendall(b"queue\tdrop\t--all")
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100).startswith(b"exit 2")
    long = ["--hop=" + "x" * 3000, "--domain=" + "y" * 3000]
    done = site.command("queue", "drop", *long)
    assert done.returncode == 2 and "too long" in done.stderr
    assert len(rows(site)) == 1


# ---- export and import ------------------------------------------------------------

LARGE = b"".join(b"%070d\r\n" % i for i in range(3000))


def test_a_queue_moves_to_another_relay_whole(site, relay, tmp_path):
    put_off(site, 2)
    put_off(site, 1, body=LARGE)
    put_off(site, 1, to=["x@slow.example", "y@slow.example"],
            sender="other@hq.example")
    before = rows(site)
    queue(site, "hold", before[0]["id"])
    out = tmp_path / "out"
    assert "5 recipients of 4 messages exported" in queue(
        site, "export", out, "--all")
    assert out.stat().st_mode & 0o777 == 0o600
    assert "cannot make" in queue(site, "export", out, "--all", code=1)

    with Server(replies=dict(BUSY)) as slow:
        other = relay(POLICY % (slow.address, slow.address))
        assert "5 recipients of 4 messages imported" in queue(
            other, "import", out)
        keys = ("sender", "recipient", "hop", "arrival", "size", "tries",
                "expire", "first_try", "meaning", "reply", "peer")
        was, moved = ([{k: x[k] for k in keys} for x in rows(r)]
                      for r in (site, other))
        assert moved == was and len(moved) == 5
        assert [x["state"] for x in rows(other)] == ["held"] + ["waiting"] * 4
        del slow.replies["MAIL"]
        queue(other, "release", "--all")
        queue(other, "retry", "--all")
        mails = slow.wait_mails(4)
        other.wait_empty()
        del site.slow.replies["MAIL"]
        queue(site, "release", "--all")
        queue(site, "retry", "--all")
        assert sorted(x.data for x in site.slow.wait_mails(4)) == sorted(
            x.data for x in mails)
        assert any(LARGE in x.data for x in mails)
        assert other.events_of("queue", change="import")


def test_only_what_was_picked_is_exported(site, tmp_path):
    first, _ = put_off(site, 2)
    put_off(site, 1, sender="other@hq.example")
    out = tmp_path / "out"
    assert "1 recipient of 1 message " in queue(
        site, "export", out, "--sender", "other@hq.example")
    queue(site, "export", tmp_path / "one", first["id"])
    lines = (tmp_path / "one").read_bytes().split(b"\n")
    assert json.loads(lines[0]) == {"dragoman-queue": 1}
    envelope = json.loads(lines[1])
    assert envelope["id"] == first["id"]
    assert envelope["recipients"][0]["address"] == "b@slow.example"
    assert b"\n".join(lines[2:]).startswith(b"Received: ")
    assert "0 messages exported" in queue(
        site, "export", tmp_path / "none", "--hop", "nobody", code=1)


def test_a_dead_relays_queue_is_exported_and_taken_back(site, tmp_path):
    put_off(site, 3)
    put_off(site, 1, body=LARGE)
    site.kill()
    out = tmp_path / "out"
    assert "4 messages exported" in queue(site, "export", out, "--all")
    for path in (site.dir / "spool").glob("spool.db*"):
        path.unlink()
    assert queue(site, "import", out) == (
        "4 recipients of 4 messages imported\n")
    assert "are good" in queue(site, "check")
    site.start()
    assert len(rows(site)) == 4
    del site.slow.replies["MAIL"]
    queue(site, "retry", "--all")
    site.slow.wait_mails(4)


def entry(body=b"Subject: x\r\n\r\nhello\r\n", **envelope):
    envelope = {"sender": "a@hq.example",
                "recipients": [{"address": "b@x.example"}],
                "size": len(body), **envelope}
    return json.dumps(envelope).encode() + b"\n" + body + b"\n"


MAGIC = b'{"dragoman-queue":1}\n'


def test_a_file_by_hand_finds_its_way(site, tmp_path):
    (tmp_path / "in").write_bytes(MAGIC + b"".join(
        entry(recipients=[{"address": f"b{i}@x.example"}])
        for i in range(1000)))
    assert "1000 recipients of 1000 messages imported" in queue(
        site, "import", tmp_path / "in")
    site.good.wait_mails(1000, timeout=60)
    site.wait_empty()


@pytest.mark.parametrize("bad, why", [
    (entry(size=5), "longer than its size"), (entry(size=5000), "cut short"),
    (entry(size=-1), "number"), (entry(size="7"), "size is missing"),
    (entry(recipients=[]), "list of recipients"),
    (entry(recipients=[{"address": "b@x.example>\r\nRCPT TO:<c@d.e"}]),
     "no good address"),
    (entry(recipients=[{}]), "no good address"),
    (entry(recipients=[7]), "no good address"),
    (entry(sender="nobody"), "no address"),
    (entry(sender="a@b.example\r\nX"), "no text"),
    (entry(helo="x\0y"), "no text"), (entry(helo=["x"]), "no text"),
    (entry(arrival_ms=1.5), "no number"),
    (entry(arrival_ms=2**62), "no number"),
    (entry(body=b"a\nb\r\n"), "CRLF"), (entry(body=b"a\r\n.\r\r\n"), "CRLF"),
    (entry(body=b"no end"), "CRLF"), (b"nonsense\n", "no envelope"),
    (b'{"size":1,"size":2}\n', "no envelope"), (b"[]\n", "no envelope"),
    (b'{"sender"', "middle of a line"), (b"[" * 100000 + b"\n", "envelope")])
def test_what_is_wrong_in_a_file_is_said_and_what_was_before_is_in(
        site, tmp_path, bad, why):
    good = MAGIC + entry() + entry()
    (tmp_path / "in").write_bytes(
        good + bad + (entry() if bad.endswith(b"\n") else b""))
    text = queue(site, "import", tmp_path / "in", code=1)
    assert "2 recipients of 2 messages imported" in text
    assert f"--from {len(good)} would go on" in text and why in text, text
    site.good.wait_mails(2)
    site.wait_empty()
    if bad.count(b"\n") > 3:
        return
    (tmp_path / "in").write_bytes(b"x" * len(good) + entry())
    assert "1 message imported" in queue(
        site, "import", tmp_path / "in", "--from", str(len(good)))


def test_no_file_is_told(site, tmp_path):
    assert "cannot read" in queue(site, "import", tmp_path / "no", code=1)
    assert "which one" in queue(site, "import", code=2)
    assert "no file" in queue(site, "import", tmp_path, code=1)
    (tmp_path / "in").write_bytes(b"From: somebody\n")
    assert "no file that" in queue(site, "import", tmp_path / "in", code=1)
    assert "which file" in queue(site, "export", code=2)
    assert "export what" in queue(site, "export", tmp_path / "x", code=2)
