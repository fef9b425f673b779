"""What is wrong with settings is told all at once, and nothing starts."""
from harness.relay import run

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
