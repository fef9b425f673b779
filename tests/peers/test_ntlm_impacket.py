"""NTLM against impacket, which somebody else wrote: both roles, each level.

impacket has a client and the parts of a server; the three lines that make a
server of them are check() below.  Our side is ntlm_tool, a few lines around
the acceptor and the initiator.
"""
import base64
import hashlib
import hmac
import os
import struct
import subprocess

import pytest
from impacket import ntlm

BUILD = os.environ.get("BUILD", "build")
FLOORS = ("auth", "wire", "crypto", "base")
PASSWORD = "Pa$$w0rd"
CHALLENGE = bytes.fromhex("0123456789abcdef")

UNICODE, OEM, TARGET, NTLM = 0x1, 0x2, 0x4, 0x200
ALWAYS_SIGN, SERVER = 0x8000, 0x20000
EXTENDED, INFO, K128 = 0x80000, 0x800000, 0x20000000


@pytest.fixture(scope="session")
def tool(tmp_path_factory):
    path = tmp_path_factory.mktemp("ntlm") / "ntlm_tool"
    libraries = [f"{BUILD}/lib{floor}.a" for floor in FLOORS]
    subprocess.run(
        ["gcc", "-std=c11", "-D_DEFAULT_SOURCE", "-Iinclude",
         "tests/peers/ntlm_tool.c", *libraries, "-lcrypto", "-lgsasl",
         "-lpthread",
         "-o", path], check=True)
    return path


class Side:
    """Our side: bytes in, bytes out."""

    def __init__(self, tool, *args):
        self.process = subprocess.Popen(
            [tool, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def say(self, message):
        self.process.stdin.write(base64.b64encode(message).decode() + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline().rstrip("\n")
        return line if line.startswith("=") else base64.b64decode(line)

    def end(self):
        line = self.hear()
        self.process.communicate(timeout=10)
        return line


# --- impacket as client --------------------------------------------------------

@pytest.mark.parametrize("take, v2, strength", [
    ("v2", True, "NTLMv2"),
    ("v2,ntlm2,v1", True, "NTLMv2"),
    ("ntlm2", False, "NTLM2"),
    ("v2,ntlm2", False, "NTLM2"),
    ("v1", False, "NTLMv1"),
])
@pytest.mark.parametrize("domain, user", [
    ("CORP", "alice"), ("", "alice"), ("corp.example", "Alice"),
    ("CORP", "josé")])
def test_impacket_gets_in(tool, take, v2, strength, domain, user):
    for password, wanted in ((PASSWORD, "= ok"), (PASSWORD + "x", "= ref")):
        us = Side(tool, "accept", take, PASSWORD)
        one = ntlm.getNTLMSSPType1("WKS", domain, use_ntlmv2=v2)
        us.say(one.getData())
        two = us.hear()
        three, _ = ntlm.getNTLMSSPType3(one, two, user, password, domain,
                                        use_ntlmv2=v2)
        us.say(three.getData())
        said = us.end()
        assert said.startswith(wanted), said
        assert f" {strength} " in said, said


def test_a_level_that_is_not_taken_is_refused(tool):
    us = Side(tool, "accept", "v2", PASSWORD)
    one = ntlm.getNTLMSSPType1("WKS", "CORP", use_ntlmv2=False)
    us.say(one.getData())
    three, _ = ntlm.getNTLMSSPType3(one, us.hear(), "alice", PASSWORD, "CORP",
                                    use_ntlmv2=False)
    us.say(three.getData())
    said = us.end()
    assert said.startswith("= refused") and "(level)" in said, said


# --- impacket as server --------------------------------------------------------

def challenge(flags, info=b""):
    """A type 2 of 48 bytes and its data."""
    name = "CORP".encode("utf-16le" if flags & UNICODE else "ascii")
    return (b"NTLMSSP\0" + struct.pack("<IHHI", 2, len(name), len(name), 48)
            + struct.pack("<I", flags) + CHALLENGE + bytes(8)
            + struct.pack("<HHI", len(info), len(info), 48 + len(name))
            + name + info)


def target_info(time):
    pairs = ntlm.AV_PAIRS()
    pairs[ntlm.NTLMSSP_AV_HOSTNAME] = "MAIL".encode("utf-16le")
    pairs[ntlm.NTLMSSP_AV_DOMAINNAME] = "CORP".encode("utf-16le")
    if time:
        pairs[ntlm.NTLMSSP_AV_TIME] = struct.pack("<Q", 133500000000000000)
    return pairs.getData()


def text(value, flags):
    value = value.encode("latin-1") if isinstance(value, str) else value
    return value.decode("utf-16le" if flags & UNICODE else "cp850")


def check(three, flags, password):
    """What this response proves: the level, or None."""
    m = ntlm.NTLMAuthChallengeResponse()
    m.fromString(three)
    nt, lm = m["ntlm"], m["lanman"]
    nt_hash = ntlm.compute_nthash(password)
    if len(nt) > 24:
        user, domain = (text(m[k], flags) for k in ("user_name", "domain_name"))
        key = hmac.new(nt_hash, (user.upper() + domain).encode("utf-16le"),
                       "md5").digest()
        proof = hmac.new(key, CHALLENGE + nt[16:], "md5").digest()
        return "v2" if proof == nt[:16] else None
    if flags & EXTENDED:
        mixed = hashlib.md5(CHALLENGE + lm[:8]).digest()[:8]
        return "ntlm2" if ntlm.ntlmssp_DES_encrypt(nt_hash, mixed) == nt \
            else None
    return "v1" if ntlm.ntlmssp_DES_encrypt(nt_hash, CHALLENGE) == nt else None


BASE = TARGET | NTLM | ALWAYS_SIGN | SERVER


@pytest.mark.parametrize("charset", [UNICODE, OEM])
@pytest.mark.parametrize("send, flags, time, level", [
    ("v2", BASE | EXTENDED | K128 | INFO, False, "v2"),
    ("v2", BASE | EXTENDED | K128 | INFO, True, "v2"),
    ("v2", BASE, False, "v2"),
    ("v2,ntlm2,v1", BASE | EXTENDED, False, "ntlm2"),
    ("v2,ntlm2,v1", BASE, False, "v1"),
    ("v1,lm", BASE, False, "v1"),
])
def test_impacket_lets_us_in(tool, charset, send, flags, time, level):
    flags |= charset
    us = Side(tool, "initiate", send, "Corp", "josé", PASSWORD)
    assert us.hear().startswith(b"NTLMSSP\0\1\0\0\0")
    us.say(challenge(flags, target_info(time) if flags & INFO else b""))
    three = us.hear()
    assert us.end().startswith("= ok")
    assert check(three, flags, PASSWORD) == level
    assert check(three, flags, PASSWORD + "x") is None
