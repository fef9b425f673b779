"""The demo can fail: with a policy that relays nothing it must."""
import os
import signal
import subprocess
from pathlib import Path

import pytest

from harness.relay import EXAMPLE, OUTPUTS, ROOT, program


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


@pytest.mark.parametrize("text", [
    'local d = require "dragoman"\nd.peer "hq" {{{\n',  # does not load
    (EXAMPLE / "policy.lua").read_text(encoding="utf-8").replace(
        "d.vars.branch }", '"127.0.0.1:1" }'),  # nobody listens there
], ids=["broken", "unreachable"])
def test_a_policy_that_does_not_do_it_is_said_to_and_in_time(tmp_path, text):
    policy = tmp_path / "policy.lua"
    policy.write_text(text, encoding="utf-8")
    done = demo(DEMO_POLICY=str(policy))
    assert done.returncode != 0
    assert "This did not happen:" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_stopped_in_the_middle_it_leaves_nothing(tmp_path, number):
    with subprocess.Popen(
            [ROOT / "tests" / "demo" / "run", program()], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(tmp_path),
                 "PYTHONUNBUFFERED": "1"}) as process:
        for line in process.stdout:
            if line.startswith("(c)"):
                process.send_signal(number)
                break
        rest = process.stdout.read()
    assert process.returncode == 1, rest
    assert f"Stopped: {signal.Signals(number).name}" in rest
    assert not list(tmp_path.iterdir())
    assert not [x for x in Path("/proc").glob("[0-9]*/cmdline")
                if str(tmp_path).encode() in content(x)]


def content(path):
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
