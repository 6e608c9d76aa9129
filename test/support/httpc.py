"""A small HTTP/1.1 client on a plain socket: exact about heads, chunks and how a body ended."""
import json
import time
import urllib.parse

from . import SCALE
from .rtmp import Closed, Timeout, dial, ready


class HttpError(Exception):
    pass


class Response:
    """Sends one request; the head is read at once (unless head=False), the body by read()."""

    def __init__(self, url, method="GET", headers=None, body=b"", timeout=5.0, to=None, head=True,
                 raw=None):
        u = urllib.parse.urlsplit(url)
        self.method, self.timeout = method, timeout * SCALE
        self.t0 = time.monotonic()
        tls = u.hostname if u.scheme == "https" else None
        self.sock = dial(*(to or (u.hostname, u.port or (443 if tls else 80))), timeout, tls=tls)
        self.sock.setblocking(False)
        self.buf = bytearray()
        self.left = None          # bytes still to come of the body or chunk; None: until the end
        self.chunked = self.ended = self.clean = False
        self.status, self.headers = None, {}
        path = (u.path or "/") + ("?" + u.query if u.query else "")
        lines = {"Host": u.netloc, "User-Agent": "test", "Accept": "*/*"}
        lines.update(headers or {})
        if body:
            lines["Content-Length"] = str(len(body))
        text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        self.send(raw if raw is not None else text.encode() + b"\r\n" + body)
        if head:
            self.read_head()

    def send(self, data):
        deadline = time.monotonic() + self.timeout
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view):]
            except BlockingIOError:
                if not ready(self.sock, True, deadline - time.monotonic()):
                    raise Timeout("the request could not be sent") from None
            except OSError as e:
                raise Closed(str(e)) from None

    def _more(self, deadline):
        while True:
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not ready(self.sock, False, left):
                    raise Timeout("nothing was received over HTTP") from None
                continue
            except OSError as e:
                raise Closed(str(e)) from None
            self.buf += data
            return bool(data)

    def read_head(self, timeout=None):
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            end = self.buf.find(b"\r\n\r\n")
            if end >= 0:
                self._head(bytes(self.buf[:end]).decode("latin-1"))
                del self.buf[:end + 4]
                if self.status >= 200:
                    return self
                continue
            if not self._more(deadline):
                raise Closed(f"closed before the end of the head: {bytes(self.buf)!r}")

    def _head(self, text):
        first, *lines = text.split("\r\n")
        parts = first.split(" ", 2)
        if not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise HttpError(f"not a status line: {first!r}")
        self.status = int(parts[1])
        self.fields = [(k.strip().lower(), v.strip()) for k, _, v in (x.partition(":") for x in lines)]
        self.headers = dict(self.fields)
        self.chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        if self.method == "HEAD" or self.status in (204, 304) or self.status < 200:
            self.left, self.chunked = 0, False
        elif self.chunked:
            self.left = 0
        elif "content-length" in self.headers:
            self.left = int(self.headers["content-length"])
        self._note_end()

    def _note_end(self):
        if self.left == 0 and not self.chunked:
            self.ended = self.clean = True

    def read(self, timeout=None):
        """Some bytes of the body, b"" at its end; .clean tells an end from a cut."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.ended:
            piece = self._piece()
            if piece:
                return piece
            if not self.ended and not self._more(deadline):
                self.ended = True
                self.clean = self.left is None
        return b""

    def _piece(self):
        if self.chunked and self.left == 0:
            end = self.buf.find(b"\r\n", 0)
            if end < 0:
                return b""
            size = int(bytes(self.buf[:end]).split(b";")[0], 16)
            if size == 0:
                if len(self.buf) < end + 4:
                    return b""
                self.ended = self.clean = True
                return b""
            if len(self.buf) < end + 2 + size + 2:
                return b""          # a chunk is handed out whole: it is at most a page or two
            piece = bytes(self.buf[end + 2:end + 2 + size])
            if self.buf[end + 2 + size:end + 4 + size] != b"\r\n":
                raise HttpError("a chunk does not end where it says")
            del self.buf[:end + 4 + size]
            return piece
        n = len(self.buf) if self.left is None else min(self.left, len(self.buf))
        piece = bytes(self.buf[:n])
        del self.buf[:n]
        if self.left is not None:
            self.left -= n
            self._note_end()
        return piece

    def body(self, timeout=None):
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        out = bytearray()
        while piece := self.read(deadline - time.monotonic()):
            out += piece
        return bytes(out)

    def close(self):
        self.sock.close()


def fetch(url, method="GET", headers=None, body=b"", timeout=5.0):
    """The whole answer, its body in .content."""
    r = Response(url, method, headers, body, timeout)
    r.content = r.body()
    r.close()
    return r


def fetch_json(url, method="GET", headers=None, timeout=5.0):
    r = fetch(url, method, headers, timeout=timeout)
    if r.status != 200:
        raise HttpError(f"{method} {url}: {r.status} {r.content[:200]!r}")
    return json.loads(r.content)
