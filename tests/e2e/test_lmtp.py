"""Mail by LMTP (RFC 2033), to a server of other people's making."""
import pytest
from aiosmtpd.controller import Controller, UnixSocketController
from aiosmtpd.lmtp import LMTP

from emulated import wire
from harness.mail import Report, message

POLICY = """
local d = require "dragoman"
d.peer "people" { match = { address = "127.0.0.0/8" } }
d.hop "lists" { lmtp = "%s", retry = { "1s" } }
d.hop "home" { hosts = { "%s" }, tls = "never" }
d.route { to = "hq.example", hop = "home" }
d.route { hop = "lists" }
"""


class Store(wire.Watched):
    """Takes mail; answers each recipient by the word before its "@"."""

    def __init__(self):
        super().__init__()
        self.taken = []
        self.full = {"full"}

    async def handle_RCPT(self, _server, _session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server, _session, envelope):
        replies = []
        for to in envelope.rcpt_tos:
            name = to.partition("@")[0]
            if name in self.full:
                replies.append("452 4.2.2 over quota")
            elif name == "barred":
                replies.append("554 5.7.1 not to this one")
            else:
                replies.append("250 2.0.0 delivered")
                with self.changed:
                    self.taken.append((to, envelope.content))
                    self.changed.notify_all()
        return "\r\n".join(replies)


@pytest.fixture(params=["unix", "tcp"])
def store(request, tmp_path, free_port):
    kept = Store()
    if request.param == "unix":
        path = str(tmp_path / "lmtp")
        controller = UnixSocketController(kept, unix_socket=path)
        kept.where = f"unix:{path}"
    else:
        port = free_port()
        controller = Controller(kept, hostname="127.0.0.1", port=port)
        kept.where = f"127.0.0.1:{port}"
    controller.factory = lambda: LMTP(kept)
    controller.start()
    yield kept
    controller.stop()


@pytest.fixture
def home():
    with wire.Server("home.test") as server:
        yield server


def send(r, *to):
    with wire.Client(r.address()) as c:
        return c.greeted().mail("a@hq.example", list(to), message())


def test_each_recipient_has_a_result_of_its_own(relay, store, home):
    r = relay(POLICY % (store.where, home.address))
    send(r, "good@x.example", "full@x.example", "nobody@x.example",
         "barred@x.example", "fine@x.example")
    outcomes = {to: r.wait_event("deliver", to=f"{to}@x.example")
                for to in ("good", "full", "nobody", "barred", "fine")}
    assert {to: (e["outcome"], e["stage"]) for to, e in outcomes.items()} == {
        "good": ("delivered", "end"), "fine": ("delivered", "end"),
        "full": ("retry", "end"), "nobody": ("failed", "rcpt"),
        "barred": ("failed", "end")}
    assert outcomes["full"]["meaning"] == "mailbox-full"
    (mail,) = home.wait_mails()
    about = {str(x["Final-Recipient"]): str(x["Status"])
             for x in Report(mail.data).about}
    assert about == {"rfc822; nobody@x.example": "5.1.1",
                     "rfc822; barred@x.example": "5.7.1"}
    # who had it is not sent it again
    store.full.clear()
    r.wait_empty()
    assert sorted(to.partition("@")[0] for to, _ in store.taken) == [
        "fine", "full", "good"]
    for _, content in store.taken:
        assert content.endswith(b"\r\n\r\nhello\r\n")


def test_a_socket_that_is_not_there_keeps_the_mail(relay, home, tmp_path):
    r = relay(POLICY % (f"unix:{tmp_path}/none", home.address))
    send(r, "good@x.example")
    event = r.wait_event("deliver", outcome="retry")
    assert event["meaning"] == "unreachable"
    assert f"{tmp_path}/none" in event["reply"]


def test_a_check_calls_it_in_its_own_language(relay, store, home):
    r = relay(POLICY % (store.where, home.address) +
              'd.hop "world" { mx = true }\n'
              'd.route { to = "world.example", hop = "world" }', start=False)
    done = r.command("check", "--probe")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'hop "lists", {store.where}\n' in done.stdout
    assert "0 of 2 hosts failed" in done.stdout
    assert 'hop "world", by MX' in done.stdout
