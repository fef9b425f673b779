"""ntlm.py: NTLM for the emulated peers, done by impacket and never by us.

So that a mistake of ours is not confirmed by itself.  Two ages: "nt4" as Q262945
recorded it (48-byte challenge without target info, 64-byte answer, LM and NT
responses), and "modern" (target info, extended session security, NTLMv2).
Every response that an acceptor was given is kept in SEEN: no log may hold one.
"""
import hashlib
import os

from impacket import ntlm as lib

UNICODE = 0x00000001
OEM = 0x00000002
REQUEST_TARGET = 0x00000004
SIGN = 0x00000010
SEAL = 0x00000020
NTLM = 0x00000200
OEM_DOMAIN_SUPPLIED = 0x00001000
TARGET_TYPE_DOMAIN = 0x00010000
EXTENDED = 0x00080000
TARGET_INFO = 0x00800000
KEY_EXCH = 0x40000000

# What a server of that age takes of a client's flags, seen in Q262945.
NT4_SERVER = 0x400082B5 | OEM
# A client's, as in Q262945, less SIGN and SEAL: no encryption is wanted.
NT4_CLIENT = 0x400092B7 & ~(SIGN | SEAL)

SEEN = []  # responses that went over a wire, as bytes


def nt4_type1(domain, flags=NT4_CLIENT):
    message = lib.NTLMAuthNegotiate()
    message["flags"] = flags | OEM_DOMAIN_SUPPLIED
    message["domain_name"] = domain.encode("ascii")
    return message.getData()


def nt4_type2(type1, domain, challenge):
    """The server's challenge: the client's flags, as far as it has them."""
    asked = lib.NTLMAuthNegotiate()
    asked.fromString(type1.ljust(32, b"\0"))
    flags = asked["flags"] & NT4_SERVER | NTLM
    if flags & UNICODE:
        flags &= ~OEM
    name = domain.encode("utf-16le" if flags & UNICODE else "ascii")
    message = lib.NTLMAuthChallenge()
    message["flags"] = flags | TARGET_TYPE_DOMAIN
    message["challenge"] = challenge
    message["domain_name"] = name
    message["domain_offset"] = 48
    message["TargetInfoFields"] = b""
    message["TargetInfoFields_offset"] = 48 + len(name)
    message["Version"] = b""
    return message.getData()


def nt4_type3(type2, user, password, domain, workstation):
    """LM and NT responses, whatever else the challenge would allow."""
    asked = lib.NTLMAuthChallenge()
    asked.fromString(type2)
    flags = asked["flags"]
    codec = "utf-16le" if flags & UNICODE else "ascii"
    nt_hash = lib.compute_nthash(password)
    message = lib.NTLMAuthChallengeResponse()
    message["flags"] = flags
    message["domain_name"] = domain.encode(codec)
    message["user_name"] = user.encode(codec)
    message["host_name"] = workstation.encode(codec)
    message["lanman"] = lib.ntlmssp_DES_encrypt(
        lib.compute_lmhash(password), asked["challenge"])
    message["ntlm"] = lib.ntlmssp_DES_encrypt(nt_hash, asked["challenge"])
    message["session_key"] = b""
    if flags & KEY_EXCH:
        message["session_key"] = os.urandom(16)  # nothing is sealed with it
    SEEN.extend((message["lanman"], message["ntlm"]))
    return message.getData()


def modern_type2(type1, domain, challenge):
    asked = lib.NTLMAuthNegotiate()
    asked.fromString(type1.ljust(32, b"\0"))
    flags = asked["flags"] & (UNICODE | OEM | REQUEST_TARGET | EXTENDED)
    if flags & UNICODE:
        flags &= ~OEM
    name = domain.encode("utf-16le" if flags & UNICODE else "ascii")
    pairs = lib.AV_PAIRS()
    pairs[lib.NTLMSSP_AV_DOMAINNAME] = domain.encode("utf-16le")
    pairs[lib.NTLMSSP_AV_HOSTNAME] = "HOP".encode("utf-16le")
    message = lib.NTLMAuthChallenge()
    message["flags"] = flags | NTLM | TARGET_INFO | TARGET_TYPE_DOMAIN
    message["challenge"] = challenge
    message["domain_name"] = name
    message["domain_offset"] = 48
    message["TargetInfoFields"] = pairs.getData()
    message["TargetInfoFields_offset"] = 48 + len(name)
    message["Version"] = b""
    return message.getData()


def modern_type1():
    return lib.getNTLMSSPType1("", "", signingRequired=False)


def modern_type3(type1, type2, user, password, domain="DOM"):
    """NTLMv2, as impacket's own clients answer."""
    answer, _ = lib.getNTLMSSPType3(type1, type2, user, password, domain)
    return answer.getData()


class Acceptor:
    """One login at a server that knows these accounts (user: password)."""

    def __init__(self, accounts, domain, style="nt4"):
        self.accounts = {u.lower(): p for u, p in accounts.items()}
        self.domain = domain
        self.style = style
        self.challenge = os.urandom(8)
        self.kind = ""  # v1, ntlm2 or v2: what came
        self.workstation = ""

    def take_type1(self, type1):
        if type1[:12] != b"NTLMSSP\0\x01\0\0\0":
            return None
        make = nt4_type2 if self.style == "nt4" else modern_type2
        return make(type1, self.domain, self.challenge)

    def take_type3(self, type3):
        """The user's name when the password is right, else None."""
        if type3[:12] != b"NTLMSSP\0\x03\0\0\0" or len(type3) < 64:
            return None
        message = lib.NTLMAuthChallengeResponse()
        message.fromString(type3)
        codec = "utf-16le" if message["flags"] & UNICODE else "latin-1"
        user = message["user_name"].decode(codec)
        domain = message["domain_name"].decode(codec)
        self.workstation = message["host_name"].decode(codec)
        SEEN.extend(x for x in (message["lanman"], message["ntlm"])
                    if len(x) >= 24 and any(x))
        password = self.accounts.get(user.lower())
        if password is None:
            return None
        nt_hash = lib.compute_nthash(password)
        given, lm = message["ntlm"], message["lanman"]
        if len(given) > 24:
            self.kind = "v2"
            key = lib.hmac_md5(
                nt_hash, (user.upper() + domain).encode("utf-16le"))
            proof = lib.hmac_md5(key, self.challenge + given[16:])
            return user if proof == given[:16] else None
        if message["flags"] & EXTENDED and lm[8:] == bytes(16):
            self.kind = "ntlm2"
            mixed = hashlib.md5(self.challenge + lm[:8]).digest()[:8]
        else:
            self.kind = "v1"
            mixed = self.challenge
        want = lib.ntlmssp_DES_encrypt(nt_hash, mixed)
        return user if want == given else None
