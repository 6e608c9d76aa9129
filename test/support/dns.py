"""A small DNS server on loopback: A, SRV and CNAME records that a case changes while servers use them."""
import socket
import struct
import threading

A, CNAME, AAAA, SRV = 1, 5, 28, 33
NOERROR, NXDOMAIN = 0, 3


class Dns:
    """set("name", "127.0.0.1", …) or set("_x._tcp.name", (priority, weight, port, "host"), …);
    alias("name", "other.name"); each lives for ttl= or that of the server. silent(True) makes it swallow what
    it is asked. `asked` lists (name, type), answered or not."""

    def __init__(self, port, ttl=1):
        self.ttl, self.records, self.aliases, self.asked = ttl, {}, {}, []     # name -> (ttl, what)
        self.quiet = False
        self.port = port
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def set(self, name, *values, ttl=None):
        self.records[name] = ttl or self.ttl, values

    def alias(self, name, target, ttl=None):
        self.aliases[name] = ttl or self.ttl, target

    def remove(self, name):
        self.records.pop(name, None)

    def silent(self, on=True):
        self.quiet = on

    def close(self):
        self.sock.close()

    def _serve(self):
        while True:
            try:
                packet, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(packet)
            if answer and not self.quiet:
                self.sock.sendto(answer, peer)

    def _answer(self, packet):
        if len(packet) < 17:
            return None
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        kind, _ = struct.unpack_from(">HH", packet, at + 1)
        question = packet[12:at + 5]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        found = []
        while name in self.aliases:
            ttl, target = self.aliases[name]
            found.append(record(name, CNAME, ttl, encode_name(target)))
            name = target
        ttl, values = self.records.get(name, (0, ()))
        found += [record(name, kind, ttl, encode(v)) for v in values
                  if (kind == SRV) == isinstance(v, tuple) and kind in (A, SRV)]
        code = NOERROR if values else NXDOMAIN
        head = packet[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(found), 0, 0)
        return head + question + b"".join(found)


def record(name, kind, ttl, data):
    return encode_name(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def encode(value):
    if isinstance(value, tuple):
        priority, weight, port, host = value
        return struct.pack(">HHH", priority, weight, port) + encode_name(host)
    return socket.inet_aton(value)


def encode_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
