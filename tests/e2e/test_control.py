"""The control socket and the commands behind it; accounts; privileges."""
import os
import pwd
import socket
import stat
import subprocess

import pytest

from emulated import wire
from harness.fixtures import IMS_PASSWORD
from harness.mail import message, without_trace
from harness.relay import (EXAMPLE, PASSWORDS, ROOT, add_user, run, until,
                           write_secret)

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", retry = { "1h" } }
d.route { hop = "h" }
"""
SECOND = "Kanari-second-8vN?"


def send(r):
    with wire.Client(r.address()) as c:
        return c.greeted().mail("a@hq.example", ["b@branch.example"],
                                message())


def socket_of(r):
    return r.dir / "spool" / "control"


def ask(r, data):
    """What the control socket answers to these bytes."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(wire.PATIENCE)
        s.connect(str(socket_of(r)))
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
        return answer.decode("latin-1")


# ---- control socket -----------------------------------------------------------


def test_the_socket_is_for_owner_and_group_and_goes_with_the_relay(relay):
    r = relay(POLICY % "127.0.0.1:9")
    mode = socket_of(r).stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    r.stop()
    assert not socket_of(r).exists()


def test_a_stale_socket_is_replaced_after_a_kill(relay):
    r = relay(POLICY % "127.0.0.1:9")
    r.kill()
    assert socket_of(r).exists()
    r.start()
    assert r.status("relay")


@pytest.mark.parametrize("data", [
    b"nonsense\n", b"\n", b"", b"x" * 5000 + b"\n", b"\xff\0\n",
    b"reload now\n"])
def test_nonsense_on_the_socket_is_refused_and_hurts_nobody(relay, data):
    r = relay(POLICY % "127.0.0.1:9")
    try:
        answer = ask(r, data)
        assert answer.startswith("exit 2\n"), answer
    except ConnectionError:
        pass  # hung up on: good too
    assert r.status("relay")


def test_who_holds_the_socket_and_says_nothing_stops_no_other(relay):
    r = relay(POLICY % "127.0.0.1:9")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(socket_of(r)))
        assert r.status("relay")


# ---- queue and status ----------------------------------------------------------


def test_every_waiting_recipient_has_a_sentence_in_the_queue(relay):
    with wire.Server(replies={"RCPT": "451 4.2.0 come back"}) as hop:
        r = relay(POLICY % hop.address)
        assert r.command("queue", "list").stdout == "nothing waits\n"
        text = send(r)
        id_ = text.split()[-1]
        r.wait_event("deliver", outcome="retry")
        (line,) = until("a settled queue", lambda: [
            x for x in r.queue() if "tries=1" in x])
        for part in (id_, "from=<a@hq.example>", "to=<b@branch.example>",
                     "hop=h", "age=", "next in ", "because temporary",
                     "451 4.2.0 come back"):
            assert part in line, (part, line)


def test_status_counts_what_went_through(relay):
    with wire.Server() as hop:
        r = relay(POLICY % hop.address)
        for _ in range(3):
            send(r)
        hop.wait_mails(3)
        row = r.wait_status("spool", lambda x: x["delivered"] == "3")
        assert (row["accepted"], row["failed"], row["messages"]) == (
            "3", "0", "0")
        (top,) = r.status("dragoman")
        assert int(top["pid"]) == r.process.pid


# ---- settings on the command line ------------------------------------------------


def test_set_wins_over_the_file_and_makes_missing_keys(relay):
    with wire.Server() as hop:
        r = relay("""
            local d = require "dragoman"
            d.peer "people" { match = { address = d.vars.network } }
            d.hop "h" { hosts = { d.vars.hop }, tls = "never" }
            d.route { hop = "h" }
        """, start=False, vars={"network": "192.0.2.0/24"})
        r.sets = [f"vars.hop={hop.address}", "vars.network=127.0.0.0/8",
                  "limits.size=77777", "hostname=other.test"]
        r.start()
        with wire.Client(r.address()) as c:
            assert "SIZE 77777" in c.greeted().offer
            assert "other.test" in c.transcript.lines[0]
            c.mail("a@hq.example", ["b@branch.example"], message())
        hop.wait_mails()


def test_the_example_can_be_checked_as_it_is_deployed(tmp_path):
    add_user(tmp_path / "users", "ims", IMS_PASSWORD)
    sets = [f"users.ims.file={tmp_path}/users", f"spool.path={tmp_path}/spool"]
    for name in ("hq-service", "branch-service"):
        path = tmp_path / name
        path.write_text(f"X\\relay:{IMS_PASSWORD}\n")
        path.chmod(0o600)
        sets.append(f"secrets.{name}.file={path}")
    done = run("check", "-c", EXAMPLE / "dragoman.yaml", "--print",
               *[x for s in sets for x in ("--set", s)])
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    assert "vars.hq = 10.0.0.5:25" in done.stdout


def test_help_and_version_say_what_they_should():
    done = run("--help")
    assert done.returncode == 0
    for word in ("serve", "check", "reload", "status", "queue", "policy",
                 "passwd", "--set"):
        assert word in done.stdout
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("dragoman ")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    unit = (ROOT / "examples/systemd/dragoman.service").read_text()
    # the program is not installed here, nor are its manual pages
    lines = [x.replace("/usr/local/sbin/dragoman", "/bin/true")
             for x in unit.splitlines() if not x.startswith("Documentation=")]
    path = tmp_path / "dragoman.service"
    path.write_text("\n".join(lines) + "\n")
    for want in ("Type=notify", "ExecReload=", "CAP_NET_BIND_SERVICE",
                 "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert want in unit
    try:
        done = subprocess.run(["systemd-analyze", "verify", path],
                              capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return  # a machine without systemd has no use for the unit either
    assert done.returncode == 0 and not done.stderr, done.stderr


# ---- accounts ---------------------------------------------------------------------


def test_accounts_are_added_listed_verified_and_removed(tmp_path):
    users = add_user(tmp_path / "users", "alice", IMS_PASSWORD)
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    add_user(users, "Bob", SECOND)
    done = run("passwd", users, "list")
    assert done.returncode == 0
    assert [x.split()[0] for x in done.stdout.splitlines()] == ["alice", "Bob"]
    assert "{nt}" not in done.stdout
    for user, password, code in (("alice", IMS_PASSWORD, 0),
                                 ("ALICE", IMS_PASSWORD, 0),
                                 ("alice", SECOND, 1), ("eve", SECOND, 1)):
        done = run("passwd", users, "verify", user, stdin=password + "\n")
        assert done.returncode == code, (user, done)
    assert run("passwd", users, "remove", "bob").returncode == 0
    assert "Bob" not in run("passwd", users, "list").stdout
    assert run("passwd", users, "remove", "bob").returncode == 1
    assert IMS_PASSWORD not in users.read_text()


def test_a_password_is_never_taken_from_the_command_line(tmp_path):
    PASSWORDS.add(SECOND)
    done = run("passwd", tmp_path / "users", "add", "alice", "extra")
    assert done.returncode == 2
    assert not (tmp_path / "users").exists()


# ---- privileges -----------------------------------------------------------------------


def test_run_as_binds_first_then_becomes_that_user_for_good(relay):
    """Port bound as root; secrets read, spool owned and reloads done as him."""
    nobody = pwd.getpwnam("nobody")
    with wire.Server() as hop:
        r = relay(POLICY % hop.address, start=False, run_as="nobody")
        for path in (r.dir, *r.dir.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        # on the way to his files he may not be stopped
        above = r.dir.parent
        while above != above.parent and above != ROOT:
            if not above.stat().st_mode & stat.S_IXOTH:
                above.chmod(above.stat().st_mode | stat.S_IXOTH)
            above = above.parent
        r.start()
        with open(f"/proc/{r.process.pid}/status", encoding="ascii") as f:
            status = dict(x.split(":", 1) for x in f.read().splitlines())
        assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
        assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
        assert status["Groups"].split() in ([], [str(nobody.pw_gid)])
        assert status["NoNewPrivs"].strip() == "1"
        assert int(status["CapEff"], 16) == 0
        assert (r.dir / "spool").stat().st_uid == nobody.pw_uid
        send(r)
        (mail,) = hop.wait_mails()
        assert without_trace(mail.data) == message()
        assert r.command("reload").returncode == 0
        # what he may not read is refused, and the old goes on
        os.chown(r.dir / "users", 0, 0)
        done = r.command("reload")
        assert done.returncode == 2 and "users" in done.stderr
        send(r)
        hop.wait_mails(2)


def test_a_secret_that_others_can_read_is_refused(relay):
    r = relay(POLICY % "127.0.0.1:9", start=False)
    for mode in (0o644, 0o640, 0o620, 0o604):
        (r.dir / "service.secret").chmod(mode)
        done = run("serve", *r.options())
        assert done.returncode == 2
        path = r.dir / "service.secret"
        assert (f"{path} can be read by others (mode {mode:04o}); "
                f"say: chmod 600 {path}") in done.stderr
    (r.dir / "service.secret").chmod(0o400)
    (r.dir / "users").chmod(0o640)
    done = run("check", *r.options())
    assert done.returncode == 2 and 'users "people": ' in done.stderr
    assert "service.secret" not in done.stderr


def test_a_credential_of_systemd_may_show_its_access_list(
        relay, tmp_path, monkeypatch):
    """0440 there is the mask of an access list for the service's user."""
    here = tmp_path / "credentials"
    here.mkdir()
    write_secret(here / "hop", "D\\service:Kanari-credential-1").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(here))
    r = relay(POLICY % "127.0.0.1:9", start=False)
    r.write_config({**r.config, "secrets": {"service": {"credential": "hop"}}})
    assert run("check", *r.options()).returncode == 0
    (here / "hop").chmod(0o444)
    done = run("check", *r.options())
    assert done.returncode == 2 and "(mode 0444)" in done.stderr
    # elsewhere the same mode is the group's
    (here / "hop").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(here / "other"))
    r.write_config({**r.config, "secrets": {
        "service": {"file": str(here / "hop")}}})
    done = run("check", *r.options())
    assert done.returncode == 2 and "(mode 0440)" in done.stderr
