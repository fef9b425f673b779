"""`dragoman policy test`: what it says when cases fail, and of what it ran."""
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness.relay import program, run

POLICY = '''local d = require "dragoman"

d.dialect "mine" {
  offer = { "XAUTH NTLM" },
  say = { "XAUTH" },
  texts = {
    ["235"] = "welcome",
    ["221"] = "farewell",
  },
}
d.peer "site" {
  match = { address = "10.0.0.5" }, dialect = "mine",
  auth = { users = "people", required = false },
  on = { recipient = function(q)
    if q.recipient == "bad@there.example" then
      return d.refuse "550 5.7.1 not you"
    end
  end },
}
d.hop "there" { hosts = { "10.1.0.5:25" }, dialect = "mine", tls = "never" }
d.hop "never" { hosts = { "10.1.0.6:25" }, dialect = "mine", tls = "never" }
d.route { to = "there.example", hop = "there" }
d.route { to = "lost.example", hop = "never" }
d.route { refuse = "550 5.7.1 no" }
d.words {
  ["unknown-recipient"] = "nobody {recipient}",
  ["too-big"] = "too big",
}
'''
HEAD = '''local t = require "dragoman.test"

'''
CASES = HEAD + '''t.case("mail arrives", function(s)
  s:accept { from = "a@site.example", to = "b@there.example" }
  t.equal(#s:hop("there"):received(), 1)
end)

t.case("it is shown AUTH", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO x"
  c:says "XAUTH NTLM"
  c:hears "334 hello"
end)
'''


def write(folder, cases, policy=POLICY):
    (folder / "policy.lua").write_text(policy, encoding="utf-8")
    (folder / "policy_test.lua").write_text(cases, encoding="utf-8")
    return folder / "policy_test.lua"


def outcome(path, *options, code=1):
    done = run("policy", "test", *options, str(path))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_failure_shows_the_conversation_and_where_it_went_wrong(tmp_path):
    path = write(tmp_path, CASES)
    said = outcome(path)
    assert f"not ok - {path}:8: it is shown AUTH\n" in said
    assert f"    {path}:12: heard \"334 \", want \"334 hello\"\n" in said
    lines = said.splitlines()
    at = lines.index("      - S: 334 hello")
    assert lines[at - 1] == "        C: XAUTH NTLM"
    assert lines[at + 1] == "      + S: 334 "
    # under the first character that differs
    assert lines[at + 2] == " " * len("      + S: 334 ") + "^"
    assert "        C: EHLO x" in lines
    assert said.endswith("1 passed, 1 failed\n")


def test_a_failure_shows_what_a_hop_heard(tmp_path):
    path = write(tmp_path, HEAD + '''t.case("it is spoken to in AUTH", function(s)
  s:hop("there"):script { ehlo = { "XAUTH NTLM" } }
  s:accept { from = "a@site.example", to = "b@there.example" }
  s:hop("there"):expects { verb = "AUTH", mechanism = "NTLM" }
end)
''', POLICY.replace('''dialect = "mine", tls = "never" }
d.hop "never"''', '''dialect = "mine", tls = "never",
  login = { "NTLM", secret = "s" } }
d.hop "never"'''))
    said = outcome(path)
    assert 'hop there was spoken to in XAUTH, want AUTH' in said
    lines = said.splitlines()
    at = lines.index("      - C: AUTH NTLM")
    assert lines[at + 1].startswith("      + C: XAUTH NTLM TlRM")
    assert lines[at + 2] == " " * len("      + C: ") + "^"
    assert '      the relay (C) and hop "there":' in lines


def test_texts_of_several_lines_show_the_one_that_differs(tmp_path):
    path = write(tmp_path, HEAD + '''t.case("lines", function()
  t.equal("one\\ntwo\\nthree", "one\\ntoo\\nthree")
end)
''')
    lines = outcome(path).splitlines()
    at = lines.index("      - too")
    assert lines[at - 1:at + 4] == [
        "        one", "      - too", "      + two", "         ^",
        "        three"]


def test_k_chooses_cases_by_a_part_of_their_name(tmp_path):
    path = write(tmp_path, CASES)
    assert outcome(path, "-k", "ARRIVES", code=0).endswith("1 passed, 0 failed\n")
    assert "1 passed, 1 failed" in outcome(path, "-k", "arrives", "-k", "shown")
    said = outcome(path, "-k", "nothing")
    assert "no case is chosen by -k nothing" in said


def test_v_shows_each_case_with_its_line_and_time(tmp_path):
    said = outcome(write(tmp_path, CASES), "-v", "-k", "mail", code=0)
    assert re.search(r"^ok - .*/policy_test.lua:3: mail arrives \(\d+\.\d ms\)$",
                     said, re.M)


def test_junit_is_xml_that_says_the_same(tmp_path):
    path = write(tmp_path, CASES + '''
t.case('<&"> \\1 \\255 ü', function() t.equal("a\\0<", "]]>") end)
''')
    (tmp_path / "broken_test.lua").write_text("local x = = 1\n")
    out = tmp_path / "junit.xml"
    outcome(tmp_path, "--junit", str(out))
    root = ElementTree.parse(out).getroot()
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == (
        "4", "2", "1")
    suites = {Path(s.get("name")).name: s for s in root}
    assert suites["broken_test.lua"].find("testcase/error") is not None
    cases = {c.get("name"): c for c in suites["policy_test.lua"]}
    assert set(cases) == {"mail arrives", "it is shown AUTH",
                          '<&"> \\x01 \\xff ü'}
    good, bad = cases["mail arrives"], cases["it is shown AUTH"]
    assert len(good) == 0 and float(good.get("time")) >= 0
    assert bad.get("line") == "8" and bad.get("file") == str(path)
    assert bad.find("failure").get("message").endswith('want "334 hello"')
    assert "- S: 334 hello" in bad.find("failure").text


def test_coverage_names_what_never_ran(tmp_path):
    write(tmp_path, HEAD + '''t.case("mail arrives", function(s)
  s:accept { from = "a@site.example", to = "b@there.example" }
  t.equal(#s:hop("there"):received(), 1)
end)
''')
    (tmp_path / "orphan.lua").write_text("return 1\n")
    said = outcome(tmp_path, "--coverage", code=0)
    policy = tmp_path / "policy.lua"
    lines = POLICY.splitlines()

    def line(text):
        return next(i for i, z in enumerate(lines, 1) if text in z)

    assert f"{policy}: 20 of 21 lines, 5 of 14 rows\n" in said
    assert f"  {policy}:{line('return d.refuse')}: never ran\n" in said
    for text, what in (
            ('["235"]', 'dialect "mine": texts["235"]'),
            ('["221"]', 'dialect "mine": texts["221"]'),
            ("say =", 'dialect "mine": say'),
            ('d.hop "never"', 'hop "never"'),
            ("lost.example", "route"),
            ('["too-big"]', 'words: ["too-big"]')):
        assert f"  {policy}:{line(text)}: {what} was never used\n" in said
    for used in ("offer", 'peer "site"', 'hop "there"'):
        assert f"{used} was never used" not in said
    assert f"{tmp_path}/orphan.lua: no test loads it\n" in said
    assert "words/en.lua" not in said  # it is not below what was named


def test_coverage_below_the_least_fails(tmp_path):
    write(tmp_path, CASES)
    said = outcome(tmp_path, "--coverage=90", "-k", "arrives")
    assert f"not ok - {tmp_path}/policy.lua: " in said
    assert said.endswith("1 passed, 1 failed\n")
    outcome(tmp_path, "--coverage=20", "-k", "arrives", code=0)
    (tmp_path / "orphan.lua").write_text("return 1\n")
    said = outcome(tmp_path, "--coverage=20", "-k", "arrives")
    assert f"not ok - {tmp_path}/orphan.lua: no test loads it\n" in said


def test_mistakes_in_a_test_are_told_at_their_line_with_what_was_meant(
        tmp_path):
    wrong = [
        ('t.equl(1, 1)', 't has no "equl"; did you mean "equal"?'),
        ('s:acept {}', 's has no "acept"; did you mean "accept"?'),
        ('s:accept { form = "x" }', 's:accept: unknown field "form"; did you '
         'mean "from"?'),
        ('s:accept {}', "s:accept needs to = ..."),
        ('s:client { from = 5 }', "from takes a string, not a number"),
        ('s:client {}:sayz "x"', 'a client has no "sayz"; did you mean '
         '"says"?'),
        ('s:client {}:ntlm { user = "a", password = "b", level = "v3" }',
         'unknown level "v3"'),
        ('s:hop "ther"', 'the policy has no hop "ther"; did you mean "there"?'),
        ('s:hop("there"):script { gretting = "220 x" }',
         'unknown field "gretting"; did you mean "greeting"?'),
        ('s:hop("there"):script { RCPT = "no" }', "RCPT takes a reply"),
        ('s:hop("there"):verb()', 'a hop has no "verb"; did you mean "verbs"?'),
        ('s:advance "5x"', '"5x" is no duration'),
        ('local x; x.y = 1', "attempt to index a nil value"),
    ]
    cases = "".join(f't.case("{i}", function(s)\n  {code}\nend)\n'
                    for i, (code, _) in enumerate(wrong))
    path = write(tmp_path, 'local t = require "dragoman.test"\n' + cases)
    said = outcome(path)
    for i, (_, why) in enumerate(wrong):
        assert re.search(rf"^    {re.escape(str(path))}:{3 * i + 3}: .*"
                         + re.escape(why), said, re.M), (why, said)


def test_a_file_that_cannot_be_run_says_why_with_its_line(tmp_path):
    path = tmp_path / "x_test.lua"
    for text, why in (
            ('local t = require "dragoman.test"\n', "x_test.lua:1: no case"),
            ("local t = = 1\n", "x_test.lua:1: unexpected symbol"),
            (HEAD + "t.case(\"x\")\n", "x_test.lua:3: t.case takes a name and"),
            (HEAD + "for _ = 1, 2 do t.case(\"x\", function() end) end\n",
             'x_test.lua:3: there is a case "x" already, at line 3'),
            (HEAD + 'local d = require "dragoman"\nd.peer "p" { matc = {} }\n',
             'x_test.lua:4:14: peer "p": unknown field "matc"; did you mean '
             '"match"?')):
        path.write_text(text, encoding="utf-8")
        said = outcome(path)
        assert f"not ok - {path}: cannot be run" in said
        assert why in said, said
    path.unlink()
    assert f"{path}: No such file" in outcome(path, code=2)
    assert "no *_test.lua below" in outcome(tmp_path, code=2)
    write(tmp_path, CASES)
    said = outcome(tmp_path / "policy.lua", code=2)
    assert f"did you mean {tmp_path}/policy_test.lua?" in said
    done = run("policy", "test", "--junt", "x")
    assert done.returncode == 2 and "did you mean --junit?" in done.stderr
    done = run("policy", "test", "--coverage=many")
    assert done.returncode == 2 and "0 to 100" in done.stderr


def test_an_endless_loop_fails_its_case_alone(tmp_path):
    path = write(tmp_path, HEAD + '''t.case("runs away", function()
  while true do end
end)
t.case("does not", function() end)
''')
    said = outcome(path)
    assert "an endless loop?" in said and "1 passed, 1 failed" in said


def test_days_pass_in_no_time_and_what_they_hold_happens(tmp_path):
    path = write(tmp_path, HEAD + '''
t.case("five days in one jump", function(s)
  s:hop("there"):script { RCPT = "450 4.2.0 not now" }
  s:accept { from = "a@site.example", to = "b@there.example" }
  s:advance "118h"
  t.equal(s.queue[1].tries, 2)
  s:hop("there"):script { RCPT = "250 ok" }
  s:advance "90m"
  t.empty(s.queue)
  t.equal(#s:hop("there"):received(), 1)
end)
t.case("an hour, each retry at its time", function(s)
  s:hop("there"):script { RCPT = "450 4.2.0 not now" }
  s:accept { from = "a@site.example", to = "b@there.example" }
  s:pass "58m" -- after 5, 10, 20, 40 minutes
  t.equal(s.queue[1].tries, 4)
  s:pass "30m"
  t.equal(s.queue[1].tries, 5)
end)
t.case("an open session does not outlive its time", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:says "EHLO x"
  c:hears "250"
  s:advance "1h"
  c:hears "421"
end)
''', POLICY.replace('''dialect = "mine", tls = "never" }
d.hop "never"''', '''dialect = "mine", tls = "never",
  retry = { "5m", "10m", "20m", "40m", "1h" } }
d.hop "never"'''))
    said = outcome(path, "-v", code=0)
    took = [float(z) for z in re.findall(r"\(([\d.]+) ms\)", said)]
    assert len(took) == 3 and min(took) < 100, said


def test_a_config_and_its_settings_may_be_given(tmp_path):
    write(tmp_path, HEAD + '''t.case("x", function(s)
  local c = s:client { from = "10.0.0.5" }
  c:hears "220 given.test"
end)
''')
    config = tmp_path / "other.yaml"
    config.write_text('listeners: { a: { address: "127.0.0.1:0" } }\n'
                      "spool: { path: spool }\nhostname: other.test\n"
                      "policy: { files: [policy.lua] }\n")
    outcome(tmp_path / "policy_test.lua", "-c", str(config), "--set",
         "hostname=given.test", code=0)


def test_a_changed_policy_is_noticed_by_the_mutation_check(tmp_path):
    """Its own word is checked: a test that sees nothing lets all escape."""
    root = Path(__file__).resolve().parents[2]
    tree = tmp_path / "tree"
    (tree / "tests" / "mutation").mkdir(parents=True)
    shutil.copy(root / "tests" / "mutation" / "run", tree / "tests/mutation")
    (tree / "examples").mkdir()
    (tree / "policies" / "dialects").mkdir(parents=True)
    for name in ("exchange-5.0.lua", "exchange-5.0_test.lua"):
        shutil.copy(root / "policies" / "dialects" / name,
                    tree / "policies" / "dialects")
    (tree / "policies" / "dialects" / "exchange-5.0_test.lua").write_text(
        HEAD + 't.case("sees nothing", function() end)\n')
    done = subprocess.run([str(tree / "tests/mutation/run"), program()],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert 'escaped: policies/dialects/exchange-5.0.lua' in done.stdout
    assert "say: \"XAUTH\" and \"AUTH\" change places" in done.stdout
