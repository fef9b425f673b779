"""examples/first-policy/README.md: each of its steps, as printed there."""
import os
import re
import signal
import subprocess

import pytest

from harness.mta import free_port
from harness.relay import ROOT, environment, program, until

README = ROOT / "examples" / "first-policy" / "README.md"
PATIENCE = 60


def blocks():
    """(kind, file name or "", text) of each fenced block."""
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$",
                      README.read_text(encoding="utf-8"), re.M | re.S)


def steps(text):
    """(command, expected lines) of a console block."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines):
    parts = []
    for line in lines:
        if line == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            words = [re.escape(w) for w in line.split("…")]
            parts.append(".*".join(words).replace(r"\ ", " ")
                         .replace("  ", " +") + r" *\n")
    text = "".join(parts)
    return re.sub(r"( \+)+ ?", r" +", text)


@pytest.fixture
def port(free_port):
    return free_port


class Shell:
    """One after the other, as a person would: cd stays, & goes on."""

    def __init__(self, place, port):
        self.place, self.port = place, port
        self.jobs = []
        (place / "bin").mkdir()
        (place / "bin" / "dragoman").symlink_to(program())
        self.env = environment()
        self.env["PATH"] = f"{place / 'bin'}:{self.env['PATH']}"

    def run(self, command):
        command = command.replace("127.0.0.1:2525", f"127.0.0.1:{self.port}")
        if command.startswith("cd "):
            self.place = self.place / command[3:]
            path = self.place / "dragoman.yaml"
            path.write_text(path.read_text(encoding="utf-8").replace(
                "127.0.0.1:2525", f"127.0.0.1:{self.port}"),
                encoding="utf-8")
            return ""
        if command.endswith(" &"):
            self.jobs.append(subprocess.Popen(
                ["/bin/bash", "-c", "exec " + command[:-2]], cwd=self.place,
                env=self.env))
            until("the relay", (self.place / "spool" / "control").exists)
            return ""
        if command == "kill %1":
            self.stop()
            return ""
        done = subprocess.run(["/bin/bash", "-c", command + " 2>&1"],
                              cwd=self.place, env=self.env, check=False,
                              stdout=subprocess.PIPE, text=True,
                              timeout=PATIENCE)
        return done.stdout

    def stop(self):
        for job in self.jobs:
            job.send_signal(signal.SIGTERM)
            assert job.wait(PATIENCE) == 0
        self.jobs = []


@pytest.fixture
def shell(tmp_path):
    s = Shell(tmp_path, free_port())
    yield s
    for job in s.jobs:
        job.kill()
        job.wait()


def test_every_step_prints_what_it_says(shell):
    ran = 0
    for kind, name, text in blocks():
        if kind == "lua":
            (shell.place / name).write_text(text, encoding="utf-8")
            continue
        assert kind == "console", kind
        for command, expected in steps(text):
            if command == "make demo":
                continue  # the suite `demo` runs it
            output = shell.run(command)
            ran += 1
            assert re.fullmatch(pattern(expected), output), (
                f"$ {command}\n{output}\n--- wanted\n"
                + "\n".join(expected))
    assert ran >= 15
    assert not shell.jobs, "the relay was not ended"


def test_the_policy_shown_first_is_the_one_that_is_copied():
    shown = next(text for kind, name, text in blocks()
                 if kind == "lua" and name == "policy.lua")
    assert shown == (README.parent / "policy.lua").read_text(encoding="utf-8")


def test_the_demo_it_begins_with_exists():
    assert os.access(ROOT / "tests" / "demo" / "run", os.X_OK)
