"""mail.py: messages to send, and what to read out of those that came."""
import email
import email.policy


def message(subject="hello", sender="a@hq.example", to="b@branch.example",
            body=b"hello\r\n", more=b""):
    return (f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n"
            f"Date: Mon, 17 Nov 1997 09:00:00 +0000\r\n"
            f"Message-ID: <{subject}@test>\r\n").encode() + (
        more + b"\r\n" + body)


# Everything that a body may hold and that relays have broken.
HARD_BODY = b"".join((
    b".\r\n..\r\n.hidden\r\n", b"From here\r\n", b"\r\n", b"\ttabs \t \r\n",
    b"x" * 998 + b"\r\n", b"y" * 4000 + b"\r\n", bytes(range(1, 10)) + b"\r\n",
    b"trailing blanks   \r\n", b"=20 =\r\n", b"\r\n\r\n..\r\n"))
EIGHT_BIT = b"gr\xfc\xdfe \xff\xfe\xc3\xbc\r\n" + bytes(range(0x80, 0x100)) + (
    b"\r\n")


def without_trace(data):
    """The message as it was before the last relay wrote its Received."""
    assert data.startswith(b"Received: "), data[:80]
    at = data.index(b"\r\n") + 2
    while data[at:at + 1] in (b" ", b"\t"):
        at = data.index(b"\r\n", at) + 2
    return data[at:]


class Report:
    """An RFC 3464 report, as Python's email package reads it."""

    def __init__(self, data):
        self.raw = data
        m = self.message = email.message_from_bytes(
            data, policy=email.policy.default)
        assert not m.defects, m.defects
        assert m.get_content_type() == "multipart/report", m.get_content_type()
        assert m.get_param("report-type") == "delivery-status"
        self.parts = list(m.iter_parts())
        assert len(self.parts) == 3, [p.get_content_type() for p in self.parts]
        human, machine, self.returned = self.parts
        for part in self.parts:
            assert not part.defects, part.defects
        assert human.get_content_type() == "text/plain"
        assert machine.get_content_type() == "message/delivery-status"
        self.text = human.get_content()
        self.lang = human["Content-Language"] or ""
        self.about_message, *self.about = machine.get_payload()
        self.subject = m["Subject"]

    def field(self, name, recipient=0):
        """A field of the machine part, unfolded."""
        value = self.about[recipient][name]
        return None if value is None else " ".join(str(value).split())
