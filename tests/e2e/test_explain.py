"""`dragoman explain`: what it says of a made-up session is what happens on the
wire, and what it tells of a message is what happened to it.
"""
import base64
import json
import re

import pytest
from impacket import ntlm as impacket

from emulated import ntlm, wire
from emulated.exchange import Ims50Server, Ims55FixedServer, Ims55Server
from emulated.wire import b64
from harness.fixtures import (BRANCH_CLIENT, HQ_CLIENT, HQ_PASSWORD,
                              IMS_PASSWORD)
from harness.mail import Report
from harness.relay import EXAMPLE, ROOT, run, until

HELO = "client.example"
DIALECTS = sorted(p.stem for p in (ROOT / "policies/dialects").glob("*.lua")
                  if not p.stem.endswith("_test"))

# ---- the same session, live ------------------------------------------------


def made_up(sender, recipients):
    """The message that explain makes up."""
    return ("From: <%s>\r\nTo: <%s>\r\nSubject: explain\r\n\r\n"
            "A message that dragoman explain made up.\r\n" % (
                sender, ">, <".join(recipients))).encode()


def login(c, user, password):
    """As a client that takes the first login it is shown, NTLMv2."""
    shown = next(x for x in c.offer if re.match(r"[\w-]+[ =].*NTLM", x))
    verb, separator = re.match(r"([\w-]+)([ =])", shown).groups()
    type1 = impacket.getNTLMSSPType1("", "", use_ntlmv2=True)
    _, text = c.ask(f"{verb}{separator}NTLM {b64(type1.getData())}")
    type3, _ = impacket.getNTLMSSPType3(
        type1, base64.b64decode(text[4:]), user, password, "",
        use_ntlmv2=True)
    ntlm.SEEN.append(bytes(type3["ntlm"]))
    return c.ask(b64(type3.getData()))


def live_client(address, source, sender, recipients, user=None):
    """What explain's client does, at a relay that runs: the conversation."""
    with wire.Client(address, source) as c:
        c.reply()
        c.ehlo(HELO)
        if user:
            code, text = login(c, user, IMS_PASSWORD)
            assert code == 235, text
        took = 0
        if c.ask(f"MAIL FROM:<{sender}>")[0] == 250:
            took = [c.ask(f"RCPT TO:<{to}>")[0] for to in recipients].count(250)
        if took:
            c.must("DATA", 354)
            c.data(made_up(sender, recipients))
        c.ask("QUIT")
        return [(x[0], x[3:]) for x in c.transcript.lines]


def mask(text):
    """Without what must vary: NTLM messages, names of messages, sizes."""
    text = re.sub(r"[A-Za-z0-9+/]{24,}={0,2}", "(base64)", text)
    text = re.sub(r"queued as \w+", "queued as ID", text)
    text = re.sub(r"SIZE=\d+", "SIZE=N", text)
    return re.sub(r"\[(the message, )?\d+ bytes\]", "[message]", text)


def spoken(lines, relay_is):
    """(who, words): the relay's own in full; the verb or the kind of reply of
    the others', who are scripts on both sides."""
    said = []
    for who, text in lines:
        text = mask(text)
        if who != relay_is:
            text = text[:1] if who == "S" else re.split("[ =:]", text)[0]
        said.append((who, text))
    return said


def script_of(*servers):
    """--hop-script: hops that show and take what these servers do."""
    def table(server):
        lua = lambda v: json.dumps(v)  # noqa: E731: strings are alike
        ehlo = ", ".join(lua(x) for x in server.ehlo)
        takes = ", ".join(lua(x) for x in server.takes)
        replies = "".join(f", [{lua(k)}] = {lua(v)}"
                          for k, v in server.replies.items())
        return f"{{ ehlo = {{ {ehlo} }}, takes = {{ {takes} }}{replies} }}"
    if len(servers) == 1:
        return "return " + table(servers[0])
    return "return { hq = %s, branch = %s }" % tuple(map(table, servers))


def explain(relay, *words, script=None, code=0):
    """The object that --json prints."""
    if script is not None:
        path = relay.dir / "hop-script.lua"
        path.write_text(script, encoding="utf-8")
        words += ("--hop-script", path)
    done = relay.command("explain", *words, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    assert done.stderr == ""
    return json.loads(done.stdout)


def pairs(lines):
    return [(x["who"], x["text"]) for x in lines]


def same_client(r, lines):
    assert spoken(pairs(r["client"]), "S") == spoken(lines, "S")


def same_hop(r, session):
    """Explain leaves the connection open where the relay keeps it."""
    live = [(x[0], x[3:]) for x in list(session.transcript.lines)]
    (hop,) = r["hops"]
    told = spoken(pairs(hop["lines"]), "C")
    assert told == spoken(live, "C")[:len(told)]
    assert len(live) - len(told) <= 2  # QUIT and its answer


@pytest.mark.parametrize("source, sender, to, hop", [
    (HQ_CLIENT, "a@hq.example", "b@branch.example", "branch"),
    (BRANCH_CLIENT, "b@branch.example", "a@hq.example", "hq"),
])
def test_the_example_speaks_as_explain_says(sites, source, sender, to, hop):
    with sites() as s:
        lines = live_client(s.relay.address("ims"), source, sender, [to],
                            "ims")
        server = s.branch if hop == "branch" else s.hq
        server.wait_mails()
        s.relay.wait_event("deliver", outcome="delivered")
        r = explain(s.relay, "--from", source, "--helo", HELO, "--user", "ims",
                    "--mail", sender, "--rcpt", to,
                    script=script_of(s.hq, s.branch))
        same_client(r, lines)
        same_hop(r, server.sessions[0])
        assert [x["outcome"] for x in r["recipients"]] == ["delivered"]


POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" }, dialect = "%s",
  auth = { users = "people", mechanisms = { "NTLM" } } }
d.hop "h" { hosts = { "%s" }, dialect = "%s", tls = "never",
  login = { "NTLM", secret = "service" } }
d.route { to = "branch.example", hop = "h" }
"""
# These show LOGIN beside it, so the peer must have that too.
WITH_LOGIN = {"exchange-2003", "exchange-2007", "device-ntlm"}
# The two ends here log in by NTLMv2, which these neither show nor take.
OTHERS = {"exim", "firewall-masked", "old-device", "outlook-express"}
SHOW = {"exchange-5.0": Ims50Server, "exchange-5.5": Ims55Server,
        "exchange-5.5-fixed": Ims55FixedServer}


def server_of(dialect, **options):
    """A server of that kind; one we have no emulation of shows AUTH."""
    accounts = {"service": HQ_PASSWORD}
    if dialect in SHOW:
        return SHOW[dialect](accounts, **options)
    return wire.Server(ehlo=["8BITMIME", "AUTH NTLM"], accounts=accounts,
                       takes={"AUTH": {"NTLM"}}, ntlm_style="modern",
                       **options)


@pytest.mark.parametrize("what", ["takes it", "knows no verb", "refuses it"])
@pytest.mark.parametrize("dialect", [x for x in DIALECTS if x not in OTHERS])
def test_each_dialect_speaks_as_explain_says(relay, dialect, what):
    replies = {"RCPT": "550 5.1.1 no such mailbox"} if what[0] == "r" else {}
    with server_of(dialect, replies=replies) as hop:
        if what == "knows no verb":
            hop.takes = {}
        policy = POLICY % (dialect, hop.address, dialect)
        if dialect in WITH_LOGIN:
            policy = policy.replace('{ "NTLM" }', '{ "NTLM", "LOGIN" }')
        r = relay(policy)
        lines = live_client(r.address(), "127.0.0.9", "a@hq.example",
                            ["b@branch.example", "c@else.example"], "alice")
        r.wait_event("deliver")
        if what == "knows no verb":
            hop.wait_sessions()
        told = explain(r, "--from", "127.0.0.9", "--helo", HELO, "--user",
                       "alice", "--mail", "a@hq.example", "--rcpt",
                       "b@branch.example", "--rcpt", "c@else.example",
                       script=script_of(hop))
        same_client(told, lines)
        same_hop(told, hop.sessions[0])
        outcome = r.events_of("deliver")[0]["outcome"]
        assert [x["outcome"] for x in told["recipients"]] == [
            outcome, "refused"]
        assert outcome == {"t": "delivered", "k": "held",
                           "r": "failed"}[what[0]]


def test_without_a_policy_nobody_gets_further_than_explain_says(relay):
    r = relay((ROOT / "policies" / "default.lua").read_text())
    lines = live_client(r.address(), "127.0.0.9", "a@hq.example",
                        ["b@branch.example"])
    told = explain(r, "--from", "127.0.0.9", "--helo", HELO, "--mail",
                   "a@hq.example", "--rcpt", "b@branch.example")
    same_client(told, lines)
    assert told["hops"] == []
    (row,) = told["recipients"]
    assert row["outcome"] == "refused" and row["why"].startswith("550 ")


def test_the_sender_reads_what_explain_says(sites):
    """Both ends of the example: the line of 1998, and our own words."""
    def without_dates(text):
        return [re.sub(r"\w{3}, \d+ \w{3} \d{4} [\d:]+ \+0000", "DATE",
                       x.rstrip()) for x in text.splitlines()]

    reply = "550 5.1.1 no such mailbox"
    with sites() as s:
        s.branch.replies["RCPT"] = s.hq.replies["RCPT"] = (
            lambda session, _: None if session.mail.sender == "" else reply)
        for source, sender, to, home in (
                (HQ_CLIENT, "a@hq.example", "b@branch.example", s.hq),
                (BRANCH_CLIENT, "b@branch.example", "a@hq.example", s.branch)):
            live_client(s.relay.address("ims"), source, sender, [to], "ims")
            live = Report(home.wait_mails()[0].data)
            told = explain(s.relay, "--from", source, "--user", "ims",
                           "--mail", sender, "--rcpt", to,
                           script=f'return {{ RCPT = "{reply}" }}')
            (report,) = told["reports"]
            assert report["to"] == sender
            assert report["subject"] == live.subject
            assert without_dates(report["text"]) == without_dates(live.text)


TLS_POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" },
  tls = { require = true },
  auth = { users = "people", mechanisms = { "NTLM" } } }
d.hop "h" { hosts = { "%s" }, tls = "%s", %s
  login = { "NTLM", secret = "service" } }
d.route { hop = "h" }
"""


def live_tls_client(address, context, sender, to, is_implicit):
    with wire.Client(address, "127.0.0.9") as c:
        if is_implicit:
            c.channel.start_tls(context, server_hostname="relay.test")
            c.transcript.add("-", "TLS")
        c.reply()
        c.ehlo(HELO)
        if not is_implicit:
            c.must("STARTTLS", 220)
            c.channel.start_tls(context, server_hostname="relay.test")
            c.transcript.add("-", "TLS")
            c.ehlo(HELO)
        assert login(c, "alice", IMS_PASSWORD)[0] == 235
        c.must(f"MAIL FROM:<{sender}>", 250)
        c.must(f"RCPT TO:<{to}>", 250)
        c.must("DATA", 354)
        c.data(made_up(sender, [to]))
        c.ask("QUIT")
        return [(x[0], x[3:]) for x in c.transcript.lines]


@pytest.mark.parametrize("mode, tls, outcome", [
    ("starttls", "verify", "delivered"), ("implicit", "require", "delivered"),
    ("starttls", "opportunistic", "delivered"), ("implicit", "never", None),
    ("starttls", "none shown", "held"),
])
def test_tls_is_as_explain_says(relay, authority, mode, tls, outcome):
    """Live with certificates of an authority, in the lab with made up ones:
    the key that only the relay may read is not needed."""
    certificate, key = authority.certificate("relay.test")
    shows = tls != "none shown"
    with wire.Server(ehlo=["8BITMIME", "AUTH NTLM"], takes={"AUTH": {"NTLM"}},
                     accounts={"service": HQ_PASSWORD}, ntlm_style="modern",
                     tls=authority.server("hop.test", "IP:127.0.0.1")
                     if shows else None) as hop:
        r = relay(TLS_POLICY % (hop.address, tls if shows else "verify", ""),
                  tls={"ca": str(authority.ca)}, listeners={"main": {
                      "address": "127.0.0.1:0",
                      "tls": {"certificate": str(certificate),
                              "key": str(key), "mode": mode}}})
        lines = live_tls_client(r.address(), authority.client(),
                                "a@hq.example", "b@branch.example",
                                mode == "implicit")
        r.wait_event("deliver")
        if outcome == "held":
            hop.wait_sessions()
        if shows:
            hop.ehlo.append("STARTTLS")
        told = explain(r, "--from", "127.0.0.9", "--helo", HELO, "--user",
                       "alice", "--mail", "a@hq.example", "--rcpt",
                       "b@branch.example", "--set",
                       "listeners.main.tls.key=/nowhere",
                       script=script_of(hop))
        same_client(told, lines)
        live = [(x[0], x[3:]) for x in
                list(hop.sessions[0].transcript.lines)]
        said = [x for x in pairs(told["hops"][0]["lines"]) if x[0] != "-"]
        assert spoken(said, "C") == spoken(live, "C")[:len(said)]
        assert (("C", "STARTTLS") in said) == (tls not in ("never",
                                                           "none shown"))
        # the report goes by a hop that is well again
        assert len(told["reports"]) == (outcome == "held")
        (to,) = told["recipients"]
        assert to["outcome"] == r.events_of("deliver")[0]["outcome"] == (
            outcome or "delivered")


# ---- the ladder ---------------------------------------------------------------


@pytest.fixture
def example(tmp_path):
    """explain(...) on the example's files as they are; nothing runs."""
    def make(*words, script=None, code=0, stderr=""):
        if script is not None:
            path = tmp_path / "script.lua"
            path.write_text(script, encoding="utf-8")
            words += ("--hop-script", path)
        done = run("explain", "-c", EXAMPLE / "dragoman.yaml", *words)
        assert done.returncode == code, done.stderr + done.stdout
        assert re.search(stderr, done.stderr), done.stderr
        if code == 0:
            assert done.stderr == ""
        return (json.loads(done.stdout) if "--json" in words and code == 0
                else done.stdout)
    return make


def line_of(text, path=EXAMPLE / "policy.lua", is_all=False):
    """policy.lua:N of the first line that begins with this (or is this)."""
    lines = path.read_text().splitlines()
    n = next(i for i, x in enumerate(lines, 1) if x.strip() == text or
             not is_all and x.strip().startswith(text))
    name = path.name if path.parent.name != "dialects" else (
        "dialects/" + path.name)
    return f"{name}:{n}"


HQ = ("--from", "10.0.0.5", "--user", "svc", "--mail", "a@hq.example",
      "--rcpt", "b@branch.example")
IMS55 = 'ehlo = { "SIZE 0", "AUTH LOGIN" }'


def rows(r, question):
    return [x for x in r["ladder"] if x["question"] == question]


def test_the_ladder_names_the_lines_of_the_example(example):
    r = example(*HQ, "--json", script="return { branch = { %s, takes = { "
                '"XAUTH" } } }' % IMS55)
    dialects = ROOT / "policies" / "dialects"
    asked = [x["question"] for x in r["ladder"]]
    assert asked == ["peer", "offer", "credential", "route", "speak", "reply",
                     "speak"]
    (peer,) = rows(r, "peer")
    assert peer["where"] == line_of('d.peer "hq"')
    assert "hq" in peer["decision"] and "10.0.0.5" in peer["asked"]
    assert peer["not_reached"] == line_of('d.peer "branch"')
    (offer,) = rows(r, "offer")
    assert offer["where"] == line_of("offer =", dialects / "exchange-5.0.lua")
    assert "XAUTH NTLM" in offer["decision"]
    (credential,) = rows(r, "credential")
    assert "svc" in credential["asked"]
    (route,) = rows(r, "route")
    assert route["asked"] == "b@branch.example"
    assert route["where"] == line_of("d.route { to = d.vars.branch_domain")
    assert "passed" not in route and "branch" in route["decision"]
    assert ":" in route["not_reached"]
    first, second = rows(r, "speak")
    assert first["asked"] == "250 AUTH LOGIN"
    assert first["decision"] == 'AUTH NTLM, secret "branch-service"'
    assert first["where"] == line_of('login = { "NTLM", secret = "branch')
    assert line_of("assume =", dialects / "exchange-5.5.lua") in (
        first["because"])
    assert second["decision"].startswith("XAUTH NTLM")
    (reply,) = rows(r, "reply")
    assert reply["asked"] == "500 command not recognized"
    assert "verb-unknown" in reply["decision"]
    (to,) = r["recipients"]
    assert (to["outcome"], to["hop"]) == ("delivered", "branch")


def test_the_text_has_the_ladder_both_conversations_and_the_end(example):
    text = example(*HQ, "--rcpt", "x@else.example")
    assert re.search(r'^ 1 peer +10\.0\.0\.5 .*peer "hq" +policy\.lua:\d+ +'
                     r"\(line \d+ not reached\)$", text, re.M)
    assert re.search(r"x@else\.example +refuse 550 .*\(lines \d+,\d+ did not "
                     r"match\)$", text, re.M)
    assert "  S: 250-XAUTH NTLM\n" in text
    assert re.search(r"^  C: AUTH NTLM TlRM", text, re.M)
    assert "\nb@branch.example: delivered, hop branch (10.1.0.5:25)" in text
    assert "\nx@else.example: refused: 550 " in text


HOOKS = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "127.0.0.1:9" }, tls = "never",
  login = { "NTLM", secret = "service" }, give_up = "1h" }
d.hop "other" { hosts = { "127.0.0.2:9" }, tls = "never" }
d.route { to = "never.example", hop = "other" }
d.route { ask = function(q)
  if q.domain == "asked.example" then
    return d.to "other" { because = "a function says so" }
  end
end }
d.route { hop = "h" }
d.on.recipient = function(q)
  if q.recipient == "no@x.example" then
    return d.refuse "550 5.7.1 not you" { because = "a list" }
  end
  if q.domain == "net.example" then
    local r = d.http.get "http://127.0.0.1:9/"
    if r.status ~= 200 then return d.defer "451 4.4.3 nobody answers" end
  end
end
d.on.speak = function() return d.use { verb = "XAUTH" } end
d.on.reply = function(q)
  if q.code == 554 then return d.hold { alert = "x", because = "so it is" } end
end
"""


def test_hooks_stand_in_the_ladder_with_their_lines(relay):
    r = relay(HOOKS, start=False)
    path = r.dir / "policy.lua"
    to = ["no@x.example", "a@asked.example", "b@x.example"]
    told = explain(r, "--from", "127.0.0.9", "--set", "policy.allow=[http]",
                   *[w for x in to + ["c@net.example"]
                     for w in ("--rcpt", x)],
                   script='return { h = { takes = { "XAUTH" }, END = "554 no"'
                          " } }")
    assert rows(told, "answer") == []  # the hook's row says it
    no, net = rows(told, "recipient")
    assert no["asked"] == to[0] and "550" in no["decision"]
    assert no["where"] == line_of('return d.refuse "550', path)
    assert no["because"] == "a list"
    assert net["where"] == line_of('if r.status ~= 200', path)
    asked, plain = rows(told, "route")
    assert asked["asked"] == to[1] and '"other"' in asked["decision"]
    assert asked["where"] == line_of('return d.to "other"', path)
    assert asked["because"] == "a function says so"
    assert asked["passed"] == line_of("d.route { to = \"never", path)
    assert asked["not_reached"] == line_of('d.route { hop = "h" }', path)
    assert plain["where"] == line_of('d.route { hop = "h" }', path)
    speak = rows(told, "speak")
    assert line_of("d.on.speak =", path) in [x["where"] for x in speak]
    assert any(x["decision"].startswith("XAUTH NTLM") for x in speak)
    assert any(x["where"] == line_of("if q.code == 554", path) and
               x["because"] == "so it is" for x in rows(told, "reply"))
    assert [(x["outcome"], x.get("hop")) for x in told["recipients"]] == [
        ("refused", None), ("delivered", "other"), ("held", "h"),
        ("refused", None)]


def test_a_script_may_say_what_web_servers_answer(relay):
    r = relay(HOOKS, start=False)
    told = explain(r, "--from", "127.0.0.9", "--set", "policy.allow=[http]",
                   "--rcpt", "c@net.example", script="""return {
                     web = { ["GET http://127.0.0.1:9/"] = { status = 200 } },
                     other = { down = true } }""")
    assert rows(told, "recipient") == []
    assert told["recipients"][0]["hop"] == "h"


def test_a_hop_may_behave_as_a_dialect_shows(example):
    r = example(*HQ, "--json", "--hop-dialect", "exchange-5.0")
    said = pairs(r["hops"][0]["lines"])
    assert ("S", "250-XAUTH NTLM") in said
    assert [x[1].split()[0] for x in said if "NTLM TlRM" in x[1]] == ["XAUTH"]
    r = example(*HQ, "--json", "--hop-dialect", "rfc4954")
    assert "AUTH NTLM LOGIN PLAIN" in [
        x[1][4:] for x in pairs(r["hops"][0]["lines"])]


def test_what_is_held_says_why_and_what_the_sender_would_read(example):
    script = "return { branch = { %s, takes = {} } }" % IMS55
    r = example(*HQ, "--json", script=script)
    (to,) = r["recipients"]
    assert (to["outcome"], to["meaning"]) == ("held", "no-common-auth")
    assert to["later"] == "given up"
    assert to["later_after_ms"] >= 5 * 86400 * 1000
    (report,) = r["reports"]
    assert report["to"] == "a@hq.example"
    assert "MSEXCH:IMS:" in report["text"]
    assert "report_lost" not in r
    (words,) = rows(r, "report")
    assert words["where"].startswith("words/msexch-1998.lua:")
    assert words["not_reached"] == line_of("d.words {", is_all=True)
    text = example(*HQ, script=script)
    assert re.search("^b@branch.example: held, hop branch .*no-common-auth",
                     text, re.M)
    assert "given up after 5d" in text
    assert "what a@hq.example would read" in text and "MSEXCH:IMS:" in text


def test_a_report_without_a_way_is_told_of(example):
    text = example("--from", "10.0.0.5", "--user", "svc", "--mail",
                   "a@else.example", "--rcpt", "b@branch.example",
                   "--set", "postmaster=p@else.example",
                   script='return { RCPT = "550 5.1.1 no" }')
    assert "nobody would read a report: " in text
    assert "no route leads to its sender or to postmaster" in text


def test_a_reply_that_comes_again_later_is_waited_out(example):
    r = example("--from", "10.1.0.5", "--user", "svc", "--mail",
                "b@branch.example", "--rcpt", "a@hq.example", "--json",
                script='return { RCPT = "450 4.2.0 later" }')
    (to,) = r["recipients"]
    assert to["outcome"] == "waiting" and to["next_in_ms"] > 0
    assert "450 4.2.0 later" in r["reports"][0]["text"]


def test_a_login_that_is_not_made_up_is_asked_for(example):
    text = example("--from", "10.0.0.5", "--rcpt", "b@branch.example")
    assert "b@branch.example: refused: 530 authentication required" in text
    r = example("--from", "192.0.2.9", "--user", "svc", "--rcpt",
                "b@branch.example", "--json")
    assert r["notes"] == ["login: no login is shown to this client"]
    assert rows(r, "peer")[0]["decision"] == 'peer "anyone"'
    assert rows(r, "peer")[0]["passed"].count(",") == 1
    assert r["recipients"][0]["outcome"] == "refused"


@pytest.mark.parametrize("words, said", [
    (("--from", "hq.example", "--rcpt", "a@b.example"), "no IP address"),
    (("--from", "10.0.0.5"), "--rcpt is missing"),
    (("--rcpt", "a@b.example"), "--from is missing"),
    (("--from", "10.0.0.5", "--rcpt", "a b@c.example"), '--rcpt "a b@c'),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example> SIZE=3"), "--rcpt"),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example", "--mail", "a@@"),
     '--mail "a@@"'),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example", "--helo", "a\r\nb"),
     "--helo"),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example", "--listener", "imss"),
     'no listener "imss" .*did you mean "ims"'),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example", "--hop-dialect",
      "exchange-5"), 'no dialect "exchange-5"'),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example", "--hop-script",
      "/nowhere"), "cannot read /nowhere"),
    (("--from", "10.0.0.5", "--rcpt", "a@b.example", "--form", "x"),
     "did you mean --from"),
    (("--from", "10.0.0.5", "--rcpt"), "--rcpt needs a value"),
    ((), "usage: dragoman explain"),
    (("ID", "--from", "10.0.0.5"), "usage: dragoman explain"),
])
def test_wrong_usage_is_told(example, words, said):
    assert example(*words, code=2, stderr=said) == ""


@pytest.mark.parametrize("script, said", [
    ("return 3", r"script\.lua: returns a number"),
    ("return {", r"script\.lua:1:"),
    ("return { elsewhere = { RCPT = '550 no' } }", 'no hop "elsewhere"'),
    ("while true do end", "instructions"),
    ("return os.execute('true')", "policies have no os"),
])
def test_a_wrong_script_is_told(example, script, said):
    assert example(*HQ, script=script, code=2, stderr=said) == ""


def test_what_a_script_says_moves_no_cursor(example):
    text = example(*HQ, script='return { RCPT = "550 5.1.1 \\27[2Jno" }')
    assert "\x1b" not in text and r"550 5.1.1 \x1b[2Jno" in text


# ---- the life of a message --------------------------------------------------------


def life(r, name, code=0, *words):
    done = r.command("explain", name, *words)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout if code == 0 else done.stderr


def in_order(text, *parts):
    at = 0
    for part in parts:
        found = re.compile(part, re.M).search(text, at)
        assert found, f"{part!r} is not (here) in:\n{text}"
        at = found.end()


LIFE = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "far" { hosts = { "%s" }, tls = "never", %s }
d.hop "home" { hosts = { "%s" }, tls = "never" }
d.route { to = "branch.example", hop = "far" }
d.route { to = "hq.example", hop = "home" }
"""


class Post:
    def __init__(self, relay, far="", **config):
        self.far, self.home = wire.Server("far.test"), wire.Server("home.test")
        self.relay = relay(LIFE % (self.far.address, far, self.home.address),
                           **config)

    def send(self, to="b@branch.example", n=1, sender="a@hq.example"):
        """n messages in one session; the name of the last."""
        with wire.Client(self.relay.address()) as c:
            c.greeted()
            for _ in range(n):
                text = c.mail(sender, [to], made_up(sender, [to]))
            return re.search(r"queued as (\w+)", text).group(1)


@pytest.fixture
def post(relay):
    made = []

    def make(*words, **options):
        made.append(Post(relay, *words, **options))
        return made[-1]
    yield make
    for p in made:
        p.far.stop()
        p.home.stop()


def test_a_delivered_message_has_a_life_running_and_stopped(post):
    p = post()
    name = p.send()
    p.relay.wait_event("deliver", id=name)
    p.relay.wait_event("disconnect")
    text = until("the whole life", lambda: "the client is gone" in (
        t := life(p.relay, name)) and t)
    assert f"message {name} from <a@hq.example>\n" in text
    in_order(text, r"^b@branch.example: delivered, hop far",
             r"127\.0\.0\.1 connects to listener main",
             r'this is peer "people"  \[policy\.lua:3\]',
             r"route: .*far.*\[policy\.lua:6.*\]",
             r"taken from <a@hq.example> for <b@branch.example>",
             r"delivered for <b@branch.example> to hop far \(127\.0")
    in_order(text, r"taken from <a@hq.example>", r"the client is gone")
    times = re.findall(r"^(\d{4}-\d\d-\d\d [\d:.]{12})  ", text, re.M)
    assert len(times) > 5 and times == sorted(times)
    p.relay.stop()
    assert life(p.relay, name) == text
    found = json.loads(life(p.relay, name, 0, "--json"))
    assert found["id"] == name
    assert [(x["to"], x["outcome"]) for x in found["recipients"]] == [
        ("b@branch.example", "delivered")]
    assert {"connect", "accept", "deliver"} <= {
        e["event"] for e in found["events"]}


def test_another_message_of_the_session_is_another_life(post):
    p = post()
    first = p.send()  # 0-1 or so, to be told from what follows
    last = p.send(n=3)
    until("all delivered", lambda: len(p.relay.events_of("deliver")) == 4)
    found = json.loads(life(p.relay, last, 0, "--json"))
    named = {e["id"] for e in found["events"] if "id" in e}
    assert named == {last} and first != last
    assert len([e for e in found["events"]
                if e.get("question") == "route"]) == 1


def test_a_session_of_an_earlier_run_is_told_apart(post):
    p = post(workers=1)
    first = p.send()
    p.relay.wait_event("deliver", id=first)
    p.relay.stop()
    p.relay.start()
    second = p.send()
    p.relay.wait_event("deliver", id=second)
    p.relay.stop()
    for name in (first, second):
        events = json.loads(life(p.relay, name, 0, "--json"))["events"]
        assert [e["event"] for e in events].count("connect") == 1
        assert len({e["run"] for e in events}) == 1


def test_a_bounced_message_tells_of_its_report_and_the_report_of_it(post):
    p = post()
    p.far.replies["RCPT"] = "550 5.1.1 no\x1b such mailbox"
    name = p.send()
    sent = p.relay.wait_event("report-sent")
    p.relay.wait_event("deliver", id=sent["id"])
    text = life(p.relay, name)
    assert "\x1b" not in text
    in_order(text, r"^b@branch.example: failed, hop far .*550 5\.1\.1 no",
             r"failed for <b@branch.example>.*unknown-recipient.*550",
             rf"report {sent['id']} about message {name} for <a@hq.example>",
             rf"\(report {sent['id']}\) delivered for <a@hq.example>")
    in_order(life(p.relay, sent["id"]), f"^message {sent['id']}",
             r"^a@hq.example: delivered, hop home",
             f"report {sent['id']} about message {name}")


def test_a_held_message_says_why_it_is_held(post):
    p = post('login = { "NTLM", secret = "service" }')
    name = p.send()
    p.relay.wait_event("deliver", id=name, outcome="held")
    text = life(p.relay, name)
    in_order(text, r"^b@branch.example: held, hop far .*no-common-auth",
             r"held for <b@branch.example>, hop far")
    p.relay.stop()
    assert life(p.relay, name) == life(p.relay, name)


def test_an_unknown_name_tells_where_was_looked_and_what_is_near(post):
    p = post()
    names = [p.send(), p.send()]
    until("both delivered", lambda: len(p.relay.events_of("deliver")) == 2)
    said = life(p.relay, names[0][:-1] + "zz", 1)
    assert f"nothing is known of message {names[0][:-1]}zz" in said
    assert str(p.relay.dir / "spool" / "journal") in said
    assert names[0] in said
    assert re.search(r"\d+ events, 20\d\d-", said)
    # the beginning of one name is that name
    short = next(names[0][:n] for n in range(3, len(names[0]) + 1)
                 if not names[1].startswith(names[0][:n]))
    assert life(p.relay, short).startswith(f"message {names[0]} ")
    assert "is no message's name" in life(p.relay, "../../etc", 1)


def test_nothing_is_kept_where_the_journal_is_off(post):
    p = post(limits={"journal": 0})
    name = p.send()
    p.relay.wait_event("deliver", id=name)
    assert not (p.relay.dir / "spool" / "journal").exists()
    said = life(p.relay, name, 1)
    assert "no journal is at" in said and "limits.journal is 0" in said
    assert p.relay.status("journal") == []


def test_the_journal_is_private_bounded_and_turned_over(post):
    p = post(limits={"journal": "4k"})
    names = [p.send(n=10) for _ in range(10)]
    until("all delivered", lambda: len(p.relay.events_of("deliver")) == 100)
    p.relay.stop()
    spool = p.relay.dir / "spool"
    for path in (spool / "journal", spool / "journal.1"):
        assert path.stat().st_mode & 0o7777 == 0o600
        assert path.stat().st_size <= 4096 + 32 * 1024  # one turn's lines
        for line in path.read_text().splitlines():
            assert "event" in json.loads(line)
    assert f"message {names[-1]} " in life(p.relay, names[-1])
    assert "nothing is known" in life(p.relay, names[0], 1)


def test_mail_goes_on_when_the_journal_cannot_be_written(relay):
    hop = wire.Server()
    with hop:
        r = relay(LIFE % (hop.address, "", hop.address), start=False)
        (r.dir / "spool").mkdir(mode=0o700)
        (r.dir / "spool" / "journal").mkdir()  # no file
        r.start()
        with wire.Client(r.address()) as c:
            c.greeted().mail("a@hq.example", ["b@branch.example"],
                             made_up("a@hq.example", ["b@branch.example"]))
        hop.wait_mails()
        assert r.events_of("no-journal")[0]["level"] == "warn"
