"""What is wrong with settings is told all at once, and nothing starts."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from harness.relay import PASSWORDS, environment, program, run

GOOD = 'local d = require "dragoman"\nd.route { refuse = "550 5.7.1 no" }\n'


def test_every_mistake_in_every_file_is_told_at_once(relay, tmp_path):
    r = relay(GOOD, start=False)
    r.config_file.write_text(
        'listeners: { main: { adress: "127.0.0.1:0" } }\n'
        "workers: many\n"
        "spool: { path: spool }\n"
        "policy: { files: [policy.lua] }\n"
        "users: { people: { file: nowhere } }\n", encoding="utf-8")
    done = run("check", *r.options())
    assert done.returncode == 2
    for what in ('dragoman.yaml:1:22: unknown key "adress" in listeners.main; '
                 'did you mean "address"?', "dragoman.yaml:2:10: workers: "):
        assert what in done.stderr, done.stderr
    r.write_config(r.config)
    r.write_policy('local d = require "dragoman"\n'
                   'd.peer "x" { match = { adress = "10.0.0.1" },\n'
                   '  auth = { users = "peeple" } }\n'
                   'd.route { hop = "nowhere" }\n')
    (r.dir / "users").chmod(0o644)
    done = run("check", *r.options())
    assert done.returncode == 2
    for what in ('policy.lua:2:24: ', '"adress"', 'did you mean "address"',
                 'policy.lua:3:', '"peeple"', 'did you mean "people"',
                 'policy.lua:4:', '"nowhere"', "chmod 600"):
        assert what in done.stderr, (what, done.stderr)
    done = run("serve", *r.options())
    assert done.returncode == 2 and "policy.lua:4:" in done.stderr


def test_a_good_configuration_is_good_and_print_shows_it(relay):
    r = relay(GOOD, start=False)
    done = run("check", *r.options(), "--print", "--set", "limits.size=3M")
    assert done.returncode == 0
    assert "limits.size = 3M" in done.stdout
    assert "hostname = relay.test" in done.stdout


def test_wrong_usage_is_2_and_says_what_was_meant(relay):
    done = run("chek")
    assert done.returncode == 2 and 'did you mean "check"' in done.stderr
    done = run("status", "--confg", "x")
    assert done.returncode == 2
    r = relay(GOOD, start=False)
    done = run("check", *r.options(), "--set", "limits.sise=3M")
    assert done.returncode == 2 and 'did you mean "size"' in done.stderr


def test_commands_say_when_no_relay_runs(relay):
    r = relay(GOOD, start=False)
    for command in (["status"], ["reload"], ["queue", "list"]):
        done = run(*command, *r.options())
        assert done.returncode == 1 and "is it running" in done.stderr


def places(text):
    """(file, line) of each message, in order."""
    return [(Path(m[1]).name, int(m[2])) for m in
            re.finditer(r"(?m)^([^:\n]+):(\d+):", text)]


def test_a_broken_yaml_hides_nothing_behind_it(relay):
    r = relay(GOOD, start=False)
    r.config_file.write_text(
        'listeners: { main: { address: "127.0.0.1:0" } }\n'
        "workers: many\n"
        "users: { people: { file: users }, more: { file: nowhere } }\n"
        "vars: { hq: [a], port: 25 }\n"
        "policy: { files: [policy.lua] }\n"
        "spool: { path: spool\n"
        "secrets: { late: { env: LATE_SECRET } }\n", encoding="utf-8")
    (r.dir / "users").chmod(0o640)
    r.write_policy('local d = require "dragoman"\n'
                   'd.peer "x" { match = {}, auth = { users = "later" } }\n'
                   'd.hop "h" { hosts = { d.vars.hq .. ":25" } }\n'
                   'd.route { to = "a.example", hop = "H" }\n'
                   'd.on.recipiant = function(q) end\n')
    for command in ("check", "serve"):
        done = run(command, *r.options())
        assert done.returncode == 2 and not done.stdout
        told = places(done.stderr)
        assert told == [("dragoman.yaml", n) for n in (2, 3, 3, 4, 7)] + \
            [("policy.lua", 4), ("policy.lua", 5)], done.stderr
        assert "LATE_SECRET" not in done.stderr
        assert "later" not in done.stderr


def test_names_are_missed_where_the_yaml_could_be_read_whole(relay):
    r = relay(GOOD, start=False)
    r.write_config({**r.config, "workers": "many"})
    r.write_policy('local d = require "dragoman"\n'
                   'd.peer "x" { match = { listener = "mian" },\n'
                   '  auth = { users = "peeple" } }\n'
                   "d.route { to = d.vars.hq, hop = 'x' }\n")
    done = run("check", *r.options())
    assert done.returncode == 2
    for what in ("workers: ", 'did you mean "main"', 'did you mean "people"',
                 'policy.lua:4:16: no vars "hq" in dragoman.yaml'):
        assert what in done.stderr, (what, done.stderr)
    # a reload tells the same, and one that runs goes on
    r.write_config({k: v for k, v in r.config.items() if k != "workers"})
    good = r.dir / "policy.lua"
    bad = good.read_text()
    r.write_policy(GOOD)
    with r:
        r.write_policy(bad)
        r.write_config({**r.config, "workers": 0})
        assert r.reload_by_signal()["event"] == "reload-refused"
        r.wait_event("reload-refused", 5)
        told = [e["error"] for e in r.events_of("reload-refused")]
        assert len(told) == 5
        for what in ("workers: ", 'did you mean "main"', "policy.lua:4:16"):
            assert any(what in x for x in told), (what, told)


def test_files_without_brackets_are_looked_into_all_the_same(relay):
    r = relay(GOOD, start=False)
    r.write_config({**r.config, "policy": {"files": "policy.lua"}})
    r.write_policy(GOOD + 'd.route { hop = "x" }\n')
    done = run("check", *r.options())
    assert done.returncode == 2
    assert "put [ ] around it" in done.stderr
    assert 'policy.lua:3:11: route: no hop "x"' in done.stderr


VAIN = """local d = require "dragoman"
d.peer "all" { match = {}, auth = { users = "people" } }
d.peer "late" { match = { address = "10.0.0.1" } }
d.hop "h" { hosts = { "127.0.0.1:9" }, login = { "NTLM", secret = "service" } }
d.route { hop = "h" }
d.route { to = "b.example", hop = "h" }
"""
TOLD = [
    'policy.lua:3:1: warning: peer "late": nobody is this peer: whoever it '
    'matches is peer "all" (line 2), which comes first',
    "policy.lua:6:1: warning: route: is never reached: the route in line 5 "
    "takes all that would come here"]


def test_what_is_said_in_vain_is_a_warning_and_strict_refuses_it(relay):
    r = relay(VAIN, start=False, vars={"unused": "x"})
    r.config_file.write_text(r.config_file.read_text().replace(
        '"vars"', '\n"vars"'), encoding="utf-8")
    done = run("check", *r.options())
    assert done.returncode == 0 and "good" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[1:] == TOLD
    assert re.fullmatch(r'.*/dragoman\.yaml:\d+:\d+: warning: vars "unused": '
                        "the policy never looks at it", lines[0])
    done = run("check", "--strict", *r.options())
    assert done.returncode == 1 and done.stderr.splitlines()[1:] == TOLD
    r = relay(VAIN.replace("d.route", "--", 1), start=False)
    r.write_policy(GOOD + 'd.peer "p" { match = {}, auth = { users = "people"'
                   ' } }\nd.hop "h" { hosts = { "a" }, login = { "NTLM", '
                   'secret = "service" } }\n')
    done = run("check", "--strict", *r.options())
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        'policy.lua:4:1: warning: hop "h": no route leads to it']


def test_warnings_are_logged_once_at_the_start_and_at_a_reload(relay):
    r = relay(VAIN)
    assert [e["what"] for e in r.events_of("policy-warning")] == TOLD
    assert r.reload_by_signal()["event"] == "reload"
    r.wait_event("policy-warning", 4)
    assert [e["what"] for e in r.events_of("policy-warning")] == TOLD * 2
    done = r.command("reload")
    assert done.returncode == 0 and TOLD[1] in done.stdout


def test_a_program_without_its_policies_says_where_it_looked(relay, tmp_path):
    alone = tmp_path / "alone" / "build" / "dragoman"
    alone.parent.mkdir(parents=True)
    shutil.copy(program(), alone)
    r = relay(GOOD, start=False)
    done = subprocess.run([alone, "check", *r.options()], check=False,
                          capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    where = f"{tmp_path}/alone/policies, {tmp_path}/policies, "
    assert "warning: no ready words are installed" in done.stderr
    assert f"was looked for in {where}" in done.stderr
    r.write_policy('local d = require "dragoman"\n'
                   'd.peer "x" { match = {}, dialect = "exchange-5.0" }\n')
    (tmp_path / "alone" / "policies" / "dialects").mkdir(parents=True)
    done = subprocess.run([alone, "check", *r.options()], check=False,
                          capture_output=True, text=True, env=environment())
    assert done.returncode == 2
    assert ('policy.lua:2:26: peer "x": dialect: no dialect "exchange-5.0" is '
            "declared, and no ready ones are installed: looked in "
            f"{where}") in done.stderr


def test_print_tells_where_each_value_comes_from_and_no_secret(relay):
    r = relay(GOOD, start=False)
    r.config_file.write_text(
        'hostname: relay.test\n'
        'listeners:\n'
        '  main:\n'
        '    address: "127.0.0.1:0"\n'
        'spool: { path: spool }\n'
        'policy: { files: [policy.lua] }\n'
        'users: { people: { file: users } }\n'
        'secrets:\n'
        '  service: { file: service.secret }\n'
        '  other: { env: KANARI }\n'
        'vars: { hq: hq.example }\n', encoding="utf-8")
    os.environ["KANARI"] = "DOM\\user:Kanari-in-the-environment-1"
    PASSWORDS.add("Kanari-in-the-environment-1")
    try:
        done = run("check", *r.options(), "--print", "--set",
                   "limits.size=3M", "--set", "listeners.main.address="
                   "127.0.0.1:2525")
    finally:
        del os.environ["KANARI"]
    assert done.returncode == 0, done.stderr
    shown = {}
    for line in done.stdout.splitlines()[:-1]:
        key, rest = line.split(" = ", 1)
        value, origin = rest.rsplit("   # ", 1)
        shown[key] = (value, origin.removesuffix("; needs a restart"))
    yaml = r.config_file
    assert shown["hostname"] == ("relay.test", f"{yaml}:1")
    assert shown["listeners.main.address"] == ("127.0.0.1:2525", "--set")
    assert shown["limits.size"] == ("3M", "--set")
    assert shown["limits.recipients"] == ("1000", "default")
    assert shown["secrets.service.file"] == (
        str(r.dir / "service.secret"), f"{yaml}:9")
    assert shown["secrets.other.env"] == ("KANARI", f"{yaml}:10")
    assert shown["vars.hq"] == ("hq.example", f"{yaml}:11")
    assert shown["postmaster"] == ("postmaster@relay.test", "default")
    assert "Kanari" not in done.stdout + done.stderr
    assert len(shown) > 30
