"""names.py: a name server on loopback whose zones a test writes down.

    names = NameServer({"a.example": {"MX": [(10, "mx.a.example")]},
                        "mx.a.example": {"A": ["127.0.0.2"]},
                        "alias.example": {"CNAME": "a.example"},
                        "sick.example": "SERVFAIL"})

A name that is not there does not exist, a type that is not there has no
record; `asked` is what it was asked, in order.
"""
import ipaddress
import socket
import struct
import threading

TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}
NUMBERS = {v: k for k, v in TYPES.items()}
NXDOMAIN, SERVFAIL = 3, 2


def encode(name):
    parts = [x for x in name.rstrip(".").split(".") if x]
    return b"".join(bytes([len(x)]) + x.encode() for x in parts) + b"\0"


def data_of(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        return struct.pack("!H", value[0]) + encode(value[1])
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    return encode(value)


class NameServer:
    def __init__(self, zone, host="127.0.0.1"):
        self.zone = dict(zone)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.address = "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def serve(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
                if not packet:
                    return
                answer = self.answer(packet)
                if answer:
                    self.socket.sendto(answer, peer)
            except OSError:
                return

    def answer(self, packet):
        name, at = [], 12
        while packet[at]:
            name.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
            at += 1 + packet[at]
        question = packet[12:at + 5]
        number = struct.unpack("!H", packet[at + 1:at + 3])[0]
        name, kind = ".".join(name).lower(), TYPES.get(number, "?")
        self.asked.append((name, kind))
        rcode, records, owner = 0, [], name
        for _ in range(8):
            node = self.zone.get(owner)
            if node == "silent":
                return None
            if node == "SERVFAIL":
                rcode = SERVFAIL
                break
            if node is None:
                rcode = NXDOMAIN
                break
            if "CNAME" not in node or kind == "CNAME":
                records += [(owner, kind, v) for v in node.get(kind, [])]
                break
            records.append((owner, "CNAME", node["CNAME"]))
            owner = node["CNAME"]
        body = b"".join(
            encode(o) + struct.pack("!HHIH", NUMBERS[k], 1, 60, len(d)) + d
            for o, k, v in records for d in [data_of(k, v)])
        flags = 0x8180 | rcode
        return packet[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0,
                                        0) + question + body
