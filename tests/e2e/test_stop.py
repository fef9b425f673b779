"""SIGTERM ends softly; one process owns a spool; a full disk heals."""
import shutil
import signal
import subprocess

from emulated import wire
from harness.mail import message
from harness.relay import run

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "h" { hosts = { "%s" }, tls = "never", retry = { "200ms" } }
d.route { hop = "h" }
"""


def test_sigterm_tells_the_idle_and_lets_the_busy_finish(relay):
    with wire.Server() as sink:
        r = relay(POLICY % sink.address)
        idle, busy = wire.Client(r.address()), wire.Client(r.address())
        idle.greeted()
        busy.greeted().envelope("a@hq.example", ["b@branch.example"])
        r.process.send_signal(signal.SIGTERM)
        assert idle.reply()[0] == 421
        assert idle.is_closed()
        assert busy.data(message())[0] == 250
        r.ended()
        r.start()  # what was taken then is delivered now, if not before
        sink.wait_mails()


def test_who_does_not_finish_is_cut_off_in_time(relay):
    with wire.Server() as sink:
        r = relay(POLICY % sink.address, limits={"soft_end": "300ms"})
        c = wire.Client(r.address())
        c.greeted().envelope("a@hq.example", ["b@branch.example"])
        c.raw(b"Subject: half\r\n\r\n")
        r.process.send_signal(signal.SIGTERM)
        assert c.reply()[0] == 421
        r.ended()


def test_a_second_relay_on_the_same_spool_is_refused(relay):
    with wire.Server() as sink:
        r = relay(POLICY % sink.address)
        done = run("serve", *r.options())
        assert done.returncode == 2
        assert f"is in use by process {r.process.pid}" in done.stderr


def test_what_a_silent_hop_holds_survives_a_restart(relay):
    with wire.Server(replies={"greeting": "421 not now"}) as sink:
        r = relay(POLICY % sink.address)
        with wire.Client(r.address()) as c:
            c.greeted().mail("a@hq.example", ["b@branch.example"], message())
        r.wait_event("deliver", outcome="retry")
        (line,) = r.queue()
        assert "421 not now" in line
        r.stop()
        sink.replies.clear()
        r.start()
        sink.wait_mails()
        r.wait_empty()


def test_a_full_disk_is_452_and_heals_without_a_restart(relay, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk],
                   check=True)
    try:
        with wire.Server() as sink:
            r = relay(POLICY % sink.address,
                      spool={"path": str(disk / "spool")})
            filler = disk / "filler"
            with open(filler, "wb") as f:
                f.write(b"\0" * (shutil.disk_usage(disk).free - 1024 * 1024))
            with wire.Client(r.address()) as c:
                c.greeted().must("MAIL FROM:<a@hq.example>", 250)
                c.must("RCPT TO:<b@branch.example>", 250)
                code, text = c.ask("DATA")
                assert code == 452 and "4.3.1" in text
                filler.unlink()
                c.must("RSET", 250)
                c.mail("a@hq.example", ["b@branch.example"], message())
            sink.wait_mails()
            r.stop()
    finally:
        subprocess.run(["umount", disk], check=True)
