"""RTMP on plain sockets: a connection with deadlines, and a client; with all of rtmp_chunk.

Everything blocks for at most its deadline and then raises Timeout; a peer that went away raises
Closed. Nothing is repaired: what the peer sent against the specification raises ProtocolError.
"""
import collections
import select
import socket
import struct
import time
import urllib.parse

from . import SCALE, amf, handshake, tls as tls_socket
from .rtmp_chunk import (SET_CHUNK_SIZE, ABORT, ACK, USER, WINDOW_ACK, PEER_BANDWIDTH, AUDIO, VIDEO, DATA, COMMAND,
                         AGGREGATE, STREAM_BEGIN, STREAM_EOF, STREAM_DRY, SET_BUFFER, PING, PONG,
                         Closed, Timeout, ProtocolError, Refused, Message, Command, enhanced_type,
                         is_keyframe, is_header, ChunkReader, ChunkWriter)

__all__ = [
    "SET_CHUNK_SIZE", "ABORT", "ACK", "USER", "WINDOW_ACK", "PEER_BANDWIDTH", "AUDIO", "VIDEO", "DATA",
    "COMMAND", "AGGREGATE", "STREAM_BEGIN", "STREAM_EOF", "STREAM_DRY", "SET_BUFFER", "PING", "PONG",
    "Closed", "Timeout", "ProtocolError", "Refused", "Message", "Command", "enhanced_type", "is_keyframe",
    "is_header", "ChunkReader", "ChunkWriter", "Conn", "ready", "Url", "Client", "dial",
]


class Conn:
    """A socket that speaks RTMP. Answers pings and acknowledges unless told not to."""

    def __init__(self, sock, timeout=5.0):
        self.sock, self.timeout = sock, timeout * SCALE
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader, self.writer = ChunkReader(), ChunkWriter()
        self.raw = bytearray()
        self.ready = collections.deque()
        self.pongs = self.acks = True
        self.window = self.received = self.acked = 0
        self.pings = 0
        self.broken = None
        self.eof = False

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _wait(self, write, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not ready(self.sock, write, left):
            raise Timeout("nothing could be sent" if write else "nothing was received")

    def send_raw(self, data, timeout=None):
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        view = memoryview(data)
        while view:
            try:
                view = view[self.sock.send(view):]
            except BlockingIOError:
                self._wait(True, deadline)
            except OSError as e:
                raise Closed(str(e)) from None

    def recv_some(self, timeout=None):
        """At least one byte of whatever comes."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                data = self.sock.recv(1 << 18)
            except BlockingIOError:
                self._wait(False, deadline)
                continue
            except OSError as e:
                raise Closed(str(e)) from None
            if not data:
                self.eof = True
                raise Closed("end of the connection")
            return data

    def read_raw(self, n, timeout=None):
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while len(self.raw) < n:
            self.raw += self.recv_some(deadline - time.monotonic())
        out = bytes(self.raw[:n])
        del self.raw[:n]
        return out

    def send(self, m, fmt=0, timeout=None):
        self.send_raw(self.writer.bytes(m, fmt), timeout)

    def command(self, name, tid, *values, sid=0, csid=3):
        self.send(Message(COMMAND, 0, sid, amf.encode(name, tid, *values), csid))

    def data(self, *values, sid=1, ts=0):
        self.send(Message(DATA, ts, sid, amf.encode(*values), 4))

    def control(self, type, value, extra=b""):
        self.send(Message(type, 0, 0, struct.pack(">I", value) + extra, 2))

    def user(self, event, *values):
        body = struct.pack(">H", event) + b"".join(struct.pack(">I", v) for v in values)
        self.send(Message(USER, 0, 0, body, 2))

    def set_chunk_size(self, n):
        self.control(SET_CHUNK_SIZE, n)
        self.writer.chunk_size = n

    def read(self, timeout=None):
        """The next message; Timeout when none comes, Closed when none will."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.ready:
            if self.broken:
                raise self.broken
            if self.raw:
                data, self.raw = bytes(self.raw), bytearray()
            else:
                data = self.recv_some(deadline - time.monotonic())
            self.received += len(data)
            for m in self.reader.feed(data):
                self._protocol(m)
                self.ready.append(m)
            self._acknowledge()
        return self.ready.popleft()

    def _protocol(self, m):
        try:
            if m.type == WINDOW_ACK:
                self.window = struct.unpack(">I", m.payload)[0]
            elif m.type == USER and m.event[0] == PING:
                self.pings += 1
                if self.pongs:
                    self.user(PONG, m.event[1])
        except Closed as e:
            self.broken = e  # what was received before is still delivered

    def _acknowledge(self):
        if self.acks and self.window and self.received - self.acked >= self.window // 2:
            self.acked = self.received
            try:
                self.control(ACK, self.received & 0xFFFFFFFF)
            except Closed as e:
                self.broken = e


def ready(sock, write, seconds):
    """Waits for a socket; poll, since select ends at descriptor 1024."""
    if sock.fileno() < 0:
        raise Closed("closed on this side")
    poll = select.poll()
    poll.register(sock, select.POLLOUT if write else select.POLLIN)
    return bool(poll.poll(max(0, seconds * 1000)))


class Url:
    """rtmp://host[:port]/app/stream[?query], IPv6 in brackets."""

    def __init__(self, text):
        u = urllib.parse.urlsplit(text)
        self.text = text
        self.host, self.port = u.hostname, u.port or 1935
        self.query = "?" + u.query if u.query else ""
        self.app, _, self.stream = u.path.lstrip("/").rpartition("/")
        if not self.app:
            self.app, self.stream = self.stream, ""
        self.netloc = u.netloc


class Client(Conn):
    """A client step by step: Client(url).connect(), create_stream(), play() or publish().

    `to` is the (host, port) really dialled, when it is not the one of the URL. `seen` collects
    every message that a step read over while it looked for its answer."""

    def __init__(self, url, to=None, timeout=5.0, schema=1, shake=True, rcvbuf=None):
        self.url = Url(url)
        self.t0 = time.monotonic()
        tls = self.url.host if url.startswith("rtmps:") else None
        sock = dial(*(to or (self.url.host, self.url.port)), timeout, rcvbuf, tls)
        super().__init__(sock, timeout)
        self.seen = []
        self.tid = 0
        self.sid = 0
        self.handshake = None
        if shake:
            self.handshake = handshake.client(self, schema)

    def wait(self, match, timeout=None):
        """The first message for which match(message) is true; the others go to `seen`."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            m = self.read(deadline - time.monotonic())
            if match(m):
                return m
            self.seen.append(m)

    def wait_command(self, match, timeout=None):
        found = []

        def look(m):
            if m.type not in (COMMAND, 17):
                return False
            found[:] = [Command(m)]
            return match(found[0])
        self.wait(look, timeout)
        return found[0]

    def wait_status(self, *codes, timeout=None):
        """onStatus (or _error) with one of the codes; any, when none is given."""
        return self.wait_command(
            lambda c: c.code in codes if codes else c.code is not None, timeout)

    def wait_closed(self, timeout=None):
        """Reads on until the peer closes; what came meanwhile goes to `seen`."""
        try:
            self.wait(lambda m: False, timeout and timeout * SCALE)
        except Closed:
            return self
        raise AssertionError("unreachable")

    def call(self, name, *values, sid=0, csid=3, timeout=None):
        """Sends a command with a transaction id and waits for its _result."""
        self.tid += 1
        tid = self.tid
        self.command(name, tid, *values, sid=sid, csid=csid)
        answer = self.wait_command(
            lambda c: c.name in ("_result", "_error") and c.tid == tid, timeout)
        if answer.name == "_error":
            raise Refused(answer)
        return answer

    def ask(self, name, *values):
        """Sends a command with a transaction id; its answer, if one comes, goes to `seen`."""
        self.tid += 1
        self.command(name, self.tid, *values)
        return self.tid

    def connect(self, args=None, chunk_size=60000, timeout=None, **members):
        """`members` overwrite those of the command object (None leaves one out); `args` is the
        optional second object."""
        body = {"app": self.url.app, "flashVer": "LNX 9,0,124,2",
                "tcUrl": f"rtmp://{self.url.netloc}/{self.url.app}", "fpad": False,
                "capabilities": 15, "audioCodecs": 4071, "videoCodecs": 252, "videoFunction": 1,
                "objectEncoding": 0}
        body.update(members)
        body = {k: v for k, v in body.items() if v is not None}
        self.connected = self.call("connect", body, *([args] if args else []), timeout=timeout)
        if chunk_size:
            self.set_chunk_size(chunk_size)
        return self

    def create_stream(self):
        self.sid = int(self.call("createStream", None).args[0])
        return self.sid

    def play(self, stream=None, *args, buffer_ms=1000, sid=None, object=None):
        """createStream when none was made, then play; the answers are left to the caller."""
        sid = sid or self.sid or self.create_stream()
        name = self.url.stream + self.url.query if stream is None else stream
        self.command("play", 0, object, name, *args, sid=sid, csid=8)
        self.user(SET_BUFFER, sid, buffer_ms)
        return self

    def publish(self, stream=None, flow="fmle", wait=True, timeout=None):
        """flow: fmle (ffmpeg, OBS), flash or haivision. Raises Refused when the server says no."""
        name = self.url.stream + self.url.query if stream is None else stream
        if flow == "fmle":
            self.ask("releaseStream", None, name)
            self.ask("FCPublish", None, name)
        sid = self.sid or self.create_stream()
        if flow == "haivision":
            self.ask("FCPublish", None, name)
        self.tid += 1
        self.command("publish", self.tid, None, name, "live", sid=sid, csid=8)
        if wait:
            answer = self.wait_command(
                lambda c: c.name in ("onStatus", "_error") and c.code is not None
                and c.code != "NetStream.Unpublish.Success", timeout)  # of the stream before
            if answer.code != "NetStream.Publish.Start":
                raise Refused(answer)
        return self

    def unpublish(self):
        """As ffmpeg and OBS leave."""
        self.ask("FCUnpublish", None, self.url.stream)
        self.ask("deleteStream", None, self.sid)
        self.close()


def dial(host, port, timeout=5.0, rcvbuf=None, tls=None):
    """A connected socket; encrypted when tls is the name that the server is asked for."""
    last = None
    for family, kind, proto, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, proto)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
            return tls_socket.Encrypted(sock, tls) if tls else sock
        except OSError as e:
            sock.close()
            last = e
    raise Closed(f"cannot connect to {host}:{port}: {last}")
