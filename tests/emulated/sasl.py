"""sasl.py: SCRAM, CRAM-MD5 and bearer tokens for the emulated peers, by Python's
own hashes and never by us, so that a mistake of ours is not confirmed by itself.

Each role is a generator: it yields what it says (bytes, or None for "nothing on
the verb line") and is sent what the other side said; its return value says how
it ended: for a server the user or None, for a client whether it was content.
"""
import base64
import hashlib
import hmac
import json
import os

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
UNPROVED = []  # servers told to say 235 without a proof did so


def _hash_of(mechanism):
    return HASHES[mechanism.removesuffix("-PLUS")]


def _hmac(name, key, text):
    return hmac.new(key, text, name).digest()


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def scram_keys(name, password, salt, iterations):
    """(ClientKey, StoredKey, ServerKey): RFC 5802 3."""
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, iterations)
    client = _hmac(name, salted, b"Client Key")
    return (client, hashlib.new(name, client).digest(),
            _hmac(name, salted, b"Server Key"))


def _fields(message):
    return dict(part.split(b"=", 1) for part in message.split(b","))


def _binding_header(mechanism, binding):
    """binding: (type, bytes), or None."""
    if not mechanism.endswith("-PLUS"):
        return b"n,,", b"n,,"
    kind, data = binding
    header = b"p=" + kind.encode() + b",,"
    return header, header + data


def scram_client(mechanism, user, password, binding=None):
    name = _hash_of(mechanism)
    nonce = base64.b64encode(os.urandom(18))
    header, bound = _binding_header(mechanism, binding)
    bare = b"n=" + user.encode() + b",r=" + nonce
    challenge = yield header + bare
    said = _fields(challenge)
    if not said[b"r"].startswith(nonce):
        return False
    client, stored, server = scram_keys(
        name, password, base64.b64decode(said[b"s"]), int(said[b"i"]))
    final = b"c=" + base64.b64encode(bound) + b",r=" + said[b"r"]
    text = b",".join((bare, challenge, final))
    proof = _xor(client, _hmac(name, stored, text))
    answer = yield final + b",p=" + base64.b64encode(proof)
    if answer != b"v=" + base64.b64encode(_hmac(name, server, text)):
        return False
    yield b""
    return True


def scram_server(mechanism, accounts, binding=None, first=None, iterations=4096,
                 lies=False):
    """lies: the last message is no proof."""
    name = _hash_of(mechanism)
    if first is None:
        first = yield b""
    header, bound = _binding_header(mechanism, binding)
    if not first.startswith(header):
        return None
    bare = first[len(header):]
    said = _fields(bare)
    user = said[b"n"].replace(b"=2C", b",").replace(b"=3D", b"=").decode()
    salt = os.urandom(12)
    _, stored, server = scram_keys(name, accounts.get(user, "?nobody?"), salt,
                                   iterations)
    nonce = said[b"r"] + base64.b64encode(os.urandom(12))
    challenge = (b"r=" + nonce + b",s=" + base64.b64encode(salt) +
                 b",i=%d" % iterations)
    final = yield challenge
    without, _, proof = final.rpartition(b",p=")
    text = b",".join((bare, challenge, without))
    told = _fields(without)
    client = _xor(base64.b64decode(proof), _hmac(name, stored, text))
    if (hashlib.new(name, client).digest() != stored or told[b"r"] != nonce
            or base64.b64decode(told[b"c"]) != bound):
        return None
    signature = _hmac(name, b"?" if lies else server, text)
    answer = yield b"v=" + base64.b64encode(signature)
    return user if answer == b"" else None


def cram_md5_server(accounts, **_):
    challenge = b"<%d.1@hop.test>" % int.from_bytes(os.urandom(6), "big")
    answer = yield challenge
    user, _, digest = answer.decode().rpartition(" ")
    right = hmac.new(accounts.get(user, "?").encode(), challenge, "md5")
    return user if hmac.compare_digest(digest, right.hexdigest()) else None


def bearer_server(mechanism, tokens, first=None):
    """tokens: user -> the token that is good for him.  What is wrong is said in
    JSON, and a client says "" (XOAUTH2) or "^A" to it (RFC 7628 3.2.3)."""
    if first is None:
        first = yield b""
    pairs = [x.partition(b"=") for x in first.split(b"\x01")]
    if mechanism == "XOAUTH2":
        user = next((v for k, _, v in pairs if k == b"user"), b"").decode()
    else:
        assert first.startswith(b"n,a=")
        user = first[4:first.index(b",", 4)].decode()
    token = next((v for k, _, v in pairs if k == b"auth"), b"")
    if tokens.get(user) and token == b"Bearer " + tokens[user].encode():
        return user
    answer = yield json.dumps({"status": "401", "schemes": "bearer",
                               "scope": "https://mail.test/"}).encode()
    assert answer == (b"" if mechanism == "XOAUTH2" else b"\x01"), answer
    return None


def serve(generator, say_and_hear):
    """Run a server's generator over say_and_hear(bytes) -> bytes."""
    try:
        text = next(generator)
        while True:
            text = generator.send(say_and_hear(text))
    except StopIteration as end:
        return end.value
    except (KeyError, ValueError, AssertionError):
        return None
