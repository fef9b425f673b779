"""relay.py: the program under test, as its users run it.

Configuration files are written, accounts are made with `dragoman passwd`, the
relay is started and stopped like any daemon.  Everything it or its commands
print is kept in OUTPUTS: secrets must be in none of it (test_secrets.py).
"""
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from emulated.wire import PATIENCE, Watched

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "exchange-5.0-and-5.5"

OUTPUTS = []  # (what it was, text): all that was ever printed
PASSWORDS = set()  # canaries: none may be seen in any of it
SANITIZERS = re.compile(
    r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")


def program():
    return os.path.realpath(
        os.environ.get("DRAGOMAN", ROOT / "build" / "dragoman"))


def environment():
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "exitcode=66:detect_leaks=1"
                   ":quarantine_size_mb=16")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "exitcode=66:second_deadlock_stack=1")
    return env


def run(*args, stdin="", cwd=None, timeout=PATIENCE):
    """A dragoman command, to its end."""
    done = subprocess.run([program(), *map(str, args)], input=stdin,
                          capture_output=True, text=True, timeout=timeout,
                          cwd=cwd, env=environment(), check=False)
    OUTPUTS.append((" ".join(map(str, args)), done.stdout + done.stderr))
    assert not SANITIZERS.search(done.stderr), done.stderr
    return done


def until(what, predicate, timeout=PATIENCE, every=0.02):
    """What no event tells of (a process, a file): looked at, with a deadline."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(every)
    return value


def write_secret(path, text):
    path = Path(path)
    PASSWORDS.add(text.split(":", 1)[1])
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
              "w", encoding="utf-8") as f:
        f.write(text + "\n")
    return path


def add_user(path, user, password, *more):
    PASSWORDS.add(password)
    done = run("passwd", path, "add", user, *more, stdin=password + "\n")
    assert done.returncode == 0, done.stderr
    return Path(path)


def fields(line):
    """The first word and the key=value pairs of a line of `status`."""
    word, _, rest = line.partition(" ")
    pairs = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', rest))
    return {"line": word} | {k: v.strip('"') for k, v in pairs.items()}


class Relay(Watched):
    """One relay: a directory, a configuration, and a process when it runs."""

    def __init__(self, directory, config=None, policy=None, sets=(),
                 config_file=None):
        super().__init__()
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.config_file = Path(config_file or self.dir / "dragoman.yaml")
        self.sets = list(sets)
        self.process = None
        self.lines = []    # of the log, as they came, all runs of it
        self.events = []   # the same, parsed
        self.addresses = {}
        self.is_over = True
        if config is not None:
            self.write_config(config)
        if policy is not None:
            self.write_policy(policy)

    # ---- files ----

    def write_config(self, config):
        self.config = config
        # every JSON document is a YAML document
        self.config_file.write_text(json.dumps(config, indent=1),
                                    encoding="utf-8")

    def write_policy(self, text, name="policy.lua"):
        """In one step, so that no reload reads half of it."""
        new = self.dir / (name + ".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.dir / name)

    # ---- the process ----

    def options(self):
        return ["-c", str(self.config_file),
                *[x for s in self.sets for x in ("--set", s)]]

    def start(self, ready=True):
        assert self.process is None
        self.addresses = {}
        self.is_over = False
        # what this run says comes behind this mark
        self.mark = len(self.events)
        self.process = subprocess.Popen(
            [program(), "serve", *self.options()], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment(), cwd=self.dir)
        threading.Thread(target=self.read_log, args=(self.process.stderr,),
                         daemon=True).start()
        if ready:
            self.wait("the relay to be ready",
                      lambda: self.is_over or self.events_of("ready"))
            assert self.events_of("ready"), self.log()
        return self

    def read_log(self, pipe):
        for raw in pipe:
            line = raw.decode("utf-8", "backslashreplace").rstrip("\n")
            with self.changed:
                self.lines.append(line)
                self.events.append(self.parse(line))
                self.changed.notify_all()
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        pipe.close()

    def parse(self, line):
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "not JSON", "line": line}
        else:
            _, _, rest = line.partition(" ")
            level, _, rest = rest.partition(" ")
            event = fields(rest)
            event["event"] = event.pop("line")
            event["level"] = level
        if event.get("event") == "listen":
            self.addresses[event["listener"]] = event["address"]
        return event

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.log()[-20000:])
            if self.process is not None:
                self.kill()
            return
        if self.process is not None:
            self.stop()

    def stop(self, code=0):
        """SIGTERM: it ends by itself, and clean."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended(code)

    def ended(self, code=0):
        try:
            got = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            raise
        self.wait("the log's end", lambda: self.is_over)
        self.process = None
        text = self.log()
        OUTPUTS.append(("serve", text))
        self.keep_journal()
        assert not SANITIZERS.search(text), text[-20000:]
        assert got == code, f"ended with {got}: {text[-5000:]}"
        return got

    def kill(self):
        """As a power cut would: no word to it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.wait("the log's end", lambda: self.is_over)
        self.process = None
        OUTPUTS.append(("serve, killed", self.log()))
        self.keep_journal()

    def keep_journal(self):
        for path in self.dir.glob("*/journal*"):
            if path.is_file():
                OUTPUTS.append((str(path), path.read_text(errors="replace")))

    def reload_by_signal(self):
        """The event that tells how it went."""
        before = len(self.events)
        self.process.send_signal(signal.SIGHUP)
        return self.wait("the reload's verdict", lambda: next(
            (e for e in self.events[before:]
             if e["event"] in ("reload", "reload-refused")), None))

    def memory(self):
        """Resident, in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    # ---- what it says ----

    def address(self, listener="main"):
        return self.addresses[listener]

    def log(self):
        return "\n".join(self.lines)

    def events_of(self, event, **match):
        return [e for e in self.events[self.mark:] if e["event"] == event and
                all(str(e.get(k, "")) == str(v) for k, v in match.items())]

    def wait_event(self, event, n=1, timeout=PATIENCE, **match):
        """The n-th such event of this run."""
        try:
            self.wait(f"event {event} {match}", lambda: len(
                self.events_of(event, **match)) >= n, timeout)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.log()[-8000:]}") from None
        return self.events_of(event, **match)[n - 1]

    # ---- its commands ----

    def command(self, *words, **options):
        return run(*words, *self.options(), **options)

    def status(self, what=None):
        """Lines of `status` as dictionaries, those that begin with this."""
        done = self.command("status")
        assert done.returncode == 0, done.stderr
        rows = [fields(line) for line in done.stdout.splitlines()]
        return [r for r in rows if what in (None, r["line"])]

    def wait_status(self, what, predicate, timeout=PATIENCE):
        """The first line that begins with `what` and fits."""
        return until(f"status {what}", lambda: next(
            (r for r in self.status(what) if predicate(r)), None), timeout)

    def queue(self):
        done = self.command("queue", "list")
        assert done.returncode == 0, done.stderr
        return [x for x in done.stdout.splitlines() if x != "nothing waits"]

    def wait_empty(self, timeout=PATIENCE):
        until("an empty queue", lambda: not self.queue(), timeout)
