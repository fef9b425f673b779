"""Nothing that was printed in the whole run holds a password or its hash.

It runs last (conftest.py), over all output of the relay, its commands and the
demo: passwords plain, in hex, in base64 and in UTF-16; NT hashes likewise.
"""
import base64

from impacket.ntlm import compute_nthash

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


def test_no_secret_was_printed_in_the_whole_run():
    assert len(OUTPUTS) > 3 and PASSWORDS
    assert not leaks(OUTPUTS, PASSWORDS)
