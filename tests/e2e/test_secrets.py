"""Nothing that was printed in the whole run holds a password or its hash.

It runs last (conftest.py), over all output of the relay, its commands and the
demo, and all reports: passwords plain, in hex, in base64 and in UTF-16; NT and
LM hashes likewise, and every response that went over a wire.
"""
import base64
import re

from impacket.ntlm import compute_lmhash, compute_nthash

from emulated import ntlm, wire
from harness.relay import OUTPUTS, PASSWORDS


def forms(secret):
    """How a secret might look in text."""
    for data in (secret, secret.decode("latin-1").encode("utf-16-le")):
        yield data.hex()
        yield data.hex().upper()
        # inside a longer base64 text: three ways to be aligned
        for lead in range(3):
            text = base64.b64encode(b"\0" * lead + data).decode()
            yield text[(0, 2, 3)[lead]:].rstrip("=")[:-1]


def needles(password):
    yield password
    yield from forms(password.encode())
    yield from forms(compute_nthash(password))
    # a longer one has none
    if len(password) <= 14:
        yield from forms(compute_lmhash(password))


def leaks(outputs, passwords):
    return [(what, password[:3] + "...") for password in passwords
            if len(password) > 7
            for needle in set(needles(password))
            for what, text in outputs if needle in text]


def test_the_check_finds_what_is_planted():
    password = "Kanari-planted-1"
    nt = compute_nthash(password)
    for text in (f"x {password} y", f"x {nt.hex()} y",
                 base64.b64encode(b"\0user\0" + password.encode()).decode(),
                 base64.b64encode(b"ab" + nt + b"cd").decode()):
        assert leaks([("planted", text)], [password]), text


def everything():
    return OUTPUTS + [("a report", data.decode("latin-1"))
                      for data in wire.REPORTS]


def test_no_secret_was_printed_in_the_whole_run():
    assert len(OUTPUTS) > 3 and PASSWORDS
    assert not leaks(everything(), PASSWORDS)


def test_no_response_was_printed_in_the_whole_run():
    long_words = "\n".join(word for _, text in everything() for word in
                           re.findall(r"[A-Za-z0-9+/=]{24,}", text))
    # the first 16 bytes are the proof of an NTLMv2 response
    for response in {x[:24] for x in ntlm.SEEN}:
        for needle in forms(response):
            assert needle not in long_words
