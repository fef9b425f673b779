"""The demo can fail: with a policy that relays nothing it must."""
import os
import subprocess

from harness.relay import OUTPUTS, ROOT, program


def demo(**more):
    done = subprocess.run([ROOT / "tests" / "demo" / "run", program()],
                          capture_output=True, text=True, timeout=120,
                          env={**os.environ, **more}, check=False)
    OUTPUTS.append(("demo", done.stdout + done.stderr))
    return done


def test_the_demo_shows_all_that_it_promises():
    done = demo()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "  NO " not in done.stdout


def test_the_demo_fails_with_the_policy_emptied(tmp_path):
    empty = tmp_path / "empty.lua"
    empty.write_text('local d = require "dragoman"\n'
                     'd.route { refuse = "550 5.7.1 this relay joins '
                     'nobody" }\n', encoding="utf-8")
    done = demo(DEMO_POLICY=str(empty))
    assert done.returncode != 0
    # (a) needs no relay; nothing else may look as if it had happened
    assert "yes  5.0 finds no XAUTH" in done.stdout
    assert "yes  5.0 logged in" not in done.stdout
