"""The policy changes while mail flows: the good is used, the bad refused."""
import re
import threading

import pytest

from emulated import wire
from harness.mail import message

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "sink" { hosts = { "%s" }, tls = "never" }
d.route { to = "closed.example", refuse = "550 5.7.1 closed" }
d.route { hop = "sink" }
"""
OPENED = POLICY.replace(
    'd.route { to = "closed.example", refuse = "550 5.7.1 closed" }\n', "")


@pytest.fixture
def sink():
    with wire.Server("sink.test") as server:
        yield server


def may_send_to_closed(c):
    c.must("MAIL FROM:<a@hq.example>", 250)
    code, _ = c.ask("RCPT TO:<b@closed.example>")
    c.must("RSET", 250)
    return code == 250


@pytest.mark.parametrize("how", ["SIGHUP", "command"])
def test_open_sessions_end_on_their_policy_and_new_ones_use_the_new(
        relay, sink, how):
    r = relay(POLICY % sink.address)
    old = wire.Client(r.address()).greeted()
    assert not may_send_to_closed(old)
    r.write_policy(OPENED % sink.address)
    if how == "SIGHUP":
        assert r.reload_by_signal()["event"] == "reload"
    else:
        done = r.command("reload")
        assert done.returncode == 0, done
        said = done.stdout.splitlines()
        assert said[0] == "generation 2 is in use"
        # names that this policy has no use for, and nothing else
        assert all(" warning: " in x for x in said[1:]), done
    new = r_client = wire.Client(r.address()).greeted()
    assert may_send_to_closed(new)
    assert not may_send_to_closed(old)
    old.mail("a@hq.example", ["b@other.example"], message())
    sink.wait_mails()
    rows = {x["number"]: x for x in r.status("generation")}
    assert rows["1"]["sessions"] == "1" and rows["2"]["sessions"] == "1"
    assert rows["2"]["current"] == "yes"
    old.quit()
    r_client.quit()
    r.wait_status("generation", lambda x: x["sessions"] == "0")
    assert len(r.status("generation")) == 1


BROKEN = [
    ('d.rout { hop = "sink" }', r'policy.lua:7:\d+: .*did you mean "route"'),
    ('d.route { hop = "sinc" }', r'policy.lua:7:\d+: .*did you mean "sink"'),
    ("d.route { hop = ", r"policy.lua:\d+"),
    ('error("on purpose")', r"policy.lua:7.*on purpose"),
    ('d.hop "h2" { hosts = { "127.0.0.1:25" }, tls = "sometimes" }',
     r"policy.lua:7:\d+: .*tls"),
    ("while true do end", r"policy.lua"),
]


@pytest.mark.parametrize("how", ["SIGHUP", "command"])
@pytest.mark.parametrize("line, error", BROKEN)
def test_a_broken_policy_is_refused_with_its_line_and_the_old_one_goes_on(
        relay, sink, how, line, error):
    r = relay(POLICY % sink.address)
    old = wire.Client(r.address()).greeted()
    r.write_policy(OPENED % sink.address + line + "\n")
    # OPENED has one line less: what is added stands on line 6
    error = error.replace("lua:7", "lua:6")
    if how == "SIGHUP":
        event = r.reload_by_signal()
        assert event["event"] == "reload-refused"
        assert re.search(error, event["error"]), event
    else:
        done = r.command("reload")
        assert done.returncode == 2, done
        assert re.search(error, done.stdout + done.stderr), done
    assert not may_send_to_closed(old)
    with wire.Client(r.address()) as new:
        assert not may_send_to_closed(new.greeted())
    assert [x["number"] for x in r.status("generation")] == ["1"]
    old.quit()


def test_all_errors_of_all_files_are_told_at_once(relay, sink):
    r = relay(POLICY % sink.address)
    r.write_policy(POLICY % sink.address + "d.rout {}\nd.hopp \"x\" {}\n")
    r.write_config({**r.config, "limits": {"sice": "5M"}})
    done = r.command("reload")
    assert done.returncode == 2
    assert 'did you mean "size"' in done.stderr, done
    r.write_config(r.config | {"limits": {}})
    done = r.command("reload")
    assert done.returncode == 2
    for word in ("rout", "hopp"):
        assert f"no d.{word}" in done.stderr, done.stderr


def test_users_secrets_and_limits_are_read_again(relay, sink):
    from harness.relay import add_user
    r = relay(POLICY.replace(
        '"127.0.0.0/8" }', '"127.0.0.0/8" }, auth = { users = "people" }')
        % sink.address)
    add_user(r.dir / "users", "bob", "Kanari-bob-3kL!")
    with wire.Client(r.address()) as c:
        assert c.greeted().login_plain("bob", "Kanari-bob-3kL!")[0] == 535
    r.write_config({**r.config, "limits": {"size": "1234"}})
    assert r.command("reload").returncode == 0
    with wire.Client(r.address()) as c:
        assert "SIZE 1234" in c.greeted().offer
        assert c.login_plain("bob", "Kanari-bob-3kL!")[0] == 235


def test_what_needs_a_restart_is_told(relay, sink):
    r = relay(POLICY % sink.address)
    r.write_config({**r.config, "workers": 2})
    done = r.command("reload")
    assert done.returncode == 0
    assert "workers" in done.stdout, done


def test_generations_alive_are_bounded(relay, sink):
    r = relay(POLICY % sink.address, limits={"generations": 3})
    held = [wire.Client(r.address()).greeted()]
    for _ in range(2):
        assert r.command("reload").returncode == 0
        held.append(wire.Client(r.address()).greeted())
    done = r.command("reload")
    assert done.returncode == 2
    assert "limits.generations" in done.stderr
    for c in held:
        c.quit()
    r.wait_status("generation", lambda x: x["sessions"] == "0")
    assert r.command("reload").returncode == 0


def test_500_reloads_under_traffic_leave_one_generation_and_flat_memory(
        relay, sink):
    r = relay(POLICY % sink.address)
    turn = threading.Condition()
    state = {"reloads": 0, "is_over": False}
    sent, failures = [0] * 3, []

    def traffic(i):
        """A session, open over at least one reload, after another."""
        try:
            while not state["is_over"]:
                with wire.Client(r.address()) as c:
                    c.greeted()
                    for _ in range(3):
                        c.mail("a@hq.example", ["b@other.example"], message())
                        sent[i] += 1
                    with turn:
                        seen = state["reloads"]
                        turn.wait_for(lambda: state["is_over"] or
                                      state["reloads"] > seen + i)
                    c.quit()
        except Exception as e:  # pylint: disable=broad-except
            failures.append(e)

    threads = [threading.Thread(target=traffic, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    try:
        memory = []
        for i in range(500):
            r.write_policy((POLICY if i % 2 else OPENED) % sink.address)
            event = r.reload_by_signal()
            # sessions of before may hold the most that are allowed
            assert event["event"] == "reload" or (
                "limits.generations" in event["error"]), event
            with turn:
                state["reloads"] += 1
                turn.notify_all()
            if i % 50 == 49:
                memory.append(r.memory())
    finally:
        with turn:
            state["is_over"] = True
            turn.notify_all()
        for t in threads:
            t.join()
    assert not failures, failures
    assert sum(sent) > 100
    sink.wait_mails(sum(sent))
    r.wait_status("generation", lambda x: x["sessions"] == "0")
    assert len(r.status("generation")) == 1
    assert len(sink.mails) == sum(sent)
    # after the first hundred nothing may grow; a sanitizer keeps freed memory
    assert memory[-1] < memory[1] * 1.5 + 20000, memory
