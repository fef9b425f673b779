"""What policies keep is one for all workers, outlives a reload, and ends with
the process; alerts reach status and the log; the gate refuses by line."""
import threading

from emulated import wire

POLICY = """
local d = require "dragoman"
d.peer "all" { match = {} }
d.hop "out" { hosts = { "127.0.0.1:1" } }
d.route { hop = "out" }
local counts = d.kv "counts"
d.on.recipient = function(q)
  local n = counts:incr(q.recipient)
  local ok = d.rate("all", "30/d", q.recipient)
  if n == 7 then d.alert("seven", "the seventh for " .. q.recipient) end
  return d.refuse("550 5.7.1 " .. n .. " " .. tostring(ok) .. " %s")
end
"""


def allowing(relay, *names):
    r = relay(POLICY % "first", start=False)
    r.sets.append(f"policy.allow=[{','.join(names)}]")
    return r


def ask(address, to, times=1):
    """What the policy says to each of so many sessions: (n, allowed)."""
    heard = []
    for _ in range(times):
        c = wire.Client(address).greeted()
        c.must("MAIL FROM:<a@hq.example>", 250)
        code, text = c.ask(f"RCPT TO:<{to}>")
        assert code == 550, text
        n, allowed, mark = text.split()[-3:]
        heard.append((int(n), allowed == "true", mark))
        c.quit()
    return heard


def test_workers_and_generations_count_as_one(relay):
    r = allowing(relay, "kv", "rate", "alert").start()
    heard, threads = [], []
    for _ in range(5):
        threads.append(threading.Thread(target=lambda: heard.extend(
            ask(r.address(), "b@x.example", 8))))
        threads[-1].start()
    for t in threads:
        t.join()
    # forty sessions, whichever worker had them: each number once
    assert sorted(n for n, _, _ in heard) == list(range(1, 41))
    assert sum(allowed for _, allowed, _ in heard) == 30
    r.write_policy(POLICY % "second")
    assert r.reload_by_signal()["event"] == "reload"
    assert ask(r.address(), "b@x.example") == [(41, False, "second")]
    assert ask(r.address(), "c@x.example") == [(1, True, "second")]
    r.stop()
    r.start()
    assert ask(r.address(), "b@x.example") == [(1, True, "second")]


def test_an_alert_is_logged_and_shown_in_status(relay):
    r = allowing(relay, "kv", "rate", "alert").start()
    ask(r.address(), "b@x.example", 7)
    r.wait_event("alert", name="seven")
    assert r.events_of("alert", name="seven")[0]["text"] == "the seventh for b@x.example"
    row = r.wait_status("alert", lambda x: x["name"] == "seven")
    assert row["text"] == "the seventh for b@x.example"


def test_what_is_not_allowed_is_refused_before_a_hook_runs(relay):
    r = allowing(relay, "kv", "alrt")
    done = r.command("check")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert 'policy.allow: no library "alrt"; did you mean "alert"?' in said
    assert "policy.lua:9:14: d.rate is not allowed here; add rate to " \
        "policy.allow in dragoman.yaml" in said
    assert "policy.lua:10:18: d.alert is not allowed here" in said
    assert "d.kv" not in said
