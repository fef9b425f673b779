"""Old scanners, a modern submission host: examples/scanner-relay, as it stands.

The host is played on loopback: it shows nothing but STARTTLS before TLS, proves
its name by a certificate, and takes SCRAM, PLAIN or LOGIN.
"""
import shutil

import pytest

from emulated import wire
from emulated.wire import b64
from harness.fixtures import HQ_PASSWORD, IMS_PASSWORD
from harness.mail import message
from harness.relay import ROOT, Relay, add_user, write_secret

SCANNER, SILENT, STRANGER = "127.0.10.5", "127.0.11.5", "127.0.12.5"
ACCOUNT = "scans@hq.example"


class Host(wire.Server):
    """Logins are shown and taken under TLS alone."""

    def __init__(self, authority, name="hop.test", more="IP:127.0.0.1",
                 takes=("SCRAM-SHA-256", "PLAIN", "LOGIN")):
        super().__init__(accounts={ACCOUNT: HQ_PASSWORD}, requires_auth=True,
                         tls=authority.server(name, more),
                         takes={"AUTH": list(takes)})

    def ehlo_lines(self, session):
        shown = ["AUTH " + " ".join(self.takes["AUTH"])]
        return super().ehlo_lines(session) + (shown if session.is_tls else [])


@pytest.fixture
def scans(tmp_path, authority):
    """make(host): the example, with only its addresses changed."""
    made = []

    def make(host):
        here = tmp_path / "site"
        shutil.copytree(ROOT / "examples" / "scanner-relay", here)
        add_user(here / "users", "scan-2", IMS_PASSWORD)
        write_secret(here / "submission.secret", f"{ACCOUNT}:{HQ_PASSWORD}")
        r = Relay(here, sets=(
            "listeners.lan.address=127.0.0.1:0",
            f"vars.submission={host.address}", f"tls.ca={authority.ca}",
            "vars.scanners=127.0.10.0/24", f"vars.silent={SILENT}",
            "log.format=json"))
        made.append(r)
        return r.start()
    yield make
    for r in made:
        if r.process is not None:
            r.stop()


def scan(r):
    """HELO, LOGIN, lines in LF alone: as old as it gets."""
    with wire.Client(r.address("lan"), SCANNER) as c:
        assert c.reply()[0] == 220
        lines = [("HELO copier", 250), ("AUTH LOGIN", 334),
                 (b64(b"scan-2"), 334), (b64(IMS_PASSWORD.encode()), 235),
                 ("MAIL FROM: <floor2@copier.local>", 250),
                 ("RCPT TO: <ann@hq.example>", 250), ("DATA", 354),
                 ("From: Floor 2 <floor2@copier.local>\nSubject: scan\n\n"
                  "one\ntwo\n.", 250)]
        for line, code in lines:
            c.raw(line.encode() + b"\n")
            got, text = c.reply()
            assert got == code, (line, text)


def test_a_scan_arrives_encrypted_logged_in_and_from_one_sender(
        scans, authority):
    with Host(authority) as host:
        r = scans(host)
        scan(r)
        (mail,) = host.wait_mails()
        assert mail.is_tls and mail.user == ACCOUNT
        assert mail.sender == ACCOUNT
        assert b"\r\nFrom: Floor 2 <scans@hq.example>\r\n" in mail.data
        assert b"\r\nReply-To: Floor 2 <floor2@copier.local>\r\n" in mail.data
        assert b"\r\none\r\ntwo\r\n" in mail.data
        assert "C: AUTH SCRAM-SHA-256 " in host.transcript()
        assert host.commands().count("AUTH") == 1
        r.wait_empty()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_host_without_scram_is_logged_in_to_all_the_same(
        scans, authority, mechanism):
    with Host(authority, takes=[mechanism]) as host:
        scan(scans(host))
        (mail,) = host.wait_mails()
        assert mail.is_tls and mail.user == ACCOUNT
        assert f"C: AUTH {mechanism}" in host.transcript()


def test_one_that_cannot_log_in_is_known_by_its_address(scans, authority):
    with Host(authority) as host:
        r = scans(host)
        with wire.Client(r.address("lan"), SILENT) as c:
            c.greeted().mail("floor3@copier.local", ["ann@hq.example"],
                             message(sender="floor3@copier.local"))
        (mail,) = host.wait_mails()
        assert mail.sender == ACCOUNT
        assert b"\r\nReply-To: <floor3@copier.local>\r\n" in mail.data
        with wire.Client(r.address("lan"), STRANGER) as c:
            code, _ = c.greeted().ask("MAIL FROM:<floor3@copier.local>")
            assert code == 550


def test_another_hosts_certificate_gets_no_password(scans, authority):
    with Host(authority, "other.test", "DNS:other.test") as host:
        r = scans(host)
        scan(r)
        lane = r.wait_status("lane", lambda x: "held" in x)
        assert lane["held"] == "tls-failed", lane
        assert "AUTH" not in host.commands()
        assert not host.mails
