"""A client of a WebSocket that is sent binary frames, as browsers' players are."""
import base64
import hashlib
import os
import struct
import time
import urllib.parse

from . import SCALE
from .rtmp import Closed, Timeout, dial

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Client:
    """Connects and shakes hands; `status` is that of the answer. frames are (opcode, payload)."""

    def __init__(self, url, version="13", key=None, timeout=5.0):
        u = urllib.parse.urlsplit(url)
        self.sock = dial(u.hostname, u.port, timeout)
        self.sock.settimeout(timeout * SCALE)
        self.buf = b""
        key = base64.b64encode(os.urandom(16)).decode() if key is None else key
        path = u.path + (f"?{u.query}" if u.query else "")
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {u.netloc}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                          f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.buf:
            self._more()
        head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.head = head.decode()
        if self.status == 101:
            accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
            assert f"Sec-WebSocket-Accept: {accept}" in self.head, self.head

    def _more(self):
        try:
            data = self.sock.recv(1 << 16)
        except TimeoutError:
            raise Timeout("nothing came over the WebSocket") from None
        if not data:
            raise Closed("the WebSocket was closed")
        self.buf += data

    def _take(self, n):
        while len(self.buf) < n:
            self._more()
        piece, self.buf = self.buf[:n], self.buf[n:]
        return piece

    def frame(self):
        """The next frame, which must be whole and without a mask."""
        first, size = self._take(2)
        assert first & 0x70 == 0 and first & 0x80 and size < 128, (first, size)
        if size >= 126:
            size = struct.unpack(">H" if size == 126 else ">Q", self._take(2 if size == 126 else 8))[0]
        return first & 15, self._take(size)

    def say(self, opcode, payload=b""):
        mask = os.urandom(4)
        self.sock.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + mask +
                          bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def binary(self, enough, seconds=10):
        """So many bytes of binary frames, and the other frames that came meanwhile."""
        data, others, deadline = b"", [], time.monotonic() + seconds * SCALE
        while len(data) < enough and time.monotonic() < deadline:
            opcode, payload = self.frame()
            if opcode == 2:
                data += payload
            else:
                others.append((opcode, payload))
        return data, others

    def close(self):
        self.sock.close()
