"""RTMP messages and chunks: constants, what a message is, a chunk reader and a chunk writer."""
import collections
import struct
import time

from . import amf

SET_CHUNK_SIZE, ABORT, ACK, USER, WINDOW_ACK, PEER_BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA, COMMAND, AGGREGATE = 8, 9, 18, 20, 22
STREAM_BEGIN, STREAM_EOF, STREAM_DRY, SET_BUFFER, PING, PONG = 0, 1, 2, 3, 6, 7


class Closed(Exception):
    """The peer closed or reset the connection."""


class Timeout(Exception):
    pass


class ProtocolError(Exception):
    pass


class Refused(Exception):
    """The server said no; .command is its answer."""

    def __init__(self, command):
        super().__init__(str(command))
        self.command = command
        self.info = command.info


class Message:
    __slots__ = ("type", "ts", "sid", "payload", "csid", "at")

    def __init__(self, type, ts=0, sid=0, payload=b"", csid=None, at=0.0):
        self.type, self.ts, self.sid, self.payload = type, ts, sid, bytes(payload)
        self.csid = csid if csid is not None else {AUDIO: 7, VIDEO: 6, DATA: 4}.get(type, 2)
        self.at = at

    def __repr__(self):
        if self.type in (COMMAND, DATA):
            return f"<{'command' if self.type == COMMAND else 'data'} {Command(self)}>"
        return f"<type {self.type} ts {self.ts} sid {self.sid} {len(self.payload)} bytes>"

    @property
    def media(self):
        return self.type in (AUDIO, VIDEO)

    @property
    def event(self):
        """(event, value) of a user control message."""
        return struct.unpack(">HI", self.payload[:6]) if len(self.payload) >= 6 else (None, None)


class Command:
    """An AMF0 command (or data) message taken apart: name, tid, object, args."""

    def __init__(self, message):
        body = message.payload
        self.message = message
        self.values = amf.decode(body[1:] if message.type == 17 else body)
        self.name = self.values[0] if self.values else None
        self.tid = self.values[1] if len(self.values) > 1 else 0
        self.object = self.values[2] if len(self.values) > 2 else None
        self.args = self.values[3:]

    @property
    def info(self):
        for v in self.args + [self.object]:
            if isinstance(v, dict) and "code" in v:
                return v
        return {}

    @property
    def code(self):
        return self.info.get("code")

    def __repr__(self):
        return repr(self.values)


def enhanced_type(m):
    """The packet type of an Enhanced RTMP message behind ModEx and multitrack; None for others."""
    p = m.payload + bytes(4)
    if not (p[0] & 0x80 if m.type == VIDEO else p[0] >> 4 == 9):
        return None
    kind, at = p[0] & 15, 1
    while kind == 7 and at + 3 < len(p):
        size = p[at] + 1 if p[at] < 255 else int.from_bytes(p[at + 1:at + 3], "big") + 1
        at += (1 if p[at] < 255 else 3) + size
        kind, at = (p[at] & 15, at + 1) if at < len(p) else (None, at)
    if kind == (6 if m.type == VIDEO else 5) and at < len(p):
        kind = p[at] & 15
    return kind


def is_keyframe(m):
    """A coded key frame, not a sequence header: classic header or Enhanced RTMP (bit 7)."""
    p = m.payload
    if m.type != VIDEO or not p or p[0] >> 4 & 7 != 1:
        return False
    if p[0] & 0x80:
        return enhanced_type(m) in (1, 3)
    return not (p[0] & 15 in (7, 12) and len(p) > 1 and p[1] != 1)


def is_header(m):
    """A codec's sequence header."""
    p = m.payload
    if len(p) < 2 or not m.media:
        return False
    if enhanced_type(m) is not None:
        return enhanced_type(m) == 0
    if m.type == AUDIO:
        return p[0] >> 4 == 10 and p[1] == 0
    return p[0] & 15 in (7, 12) and p[1] == 0


class ChunkReader:
    """Bytes in, messages out: feed() returns those that became whole."""

    def __init__(self, chunk_size=128):
        self.chunk_size = chunk_size
        self.buf = bytearray()
        self.streams = {}
        self.formats = collections.Counter()

    def feed(self, data):
        self.buf += data
        out = []
        while True:
            found = self._chunk()
            if found is None:
                return out
            if found:
                out.append(found)
                if found.type == SET_CHUNK_SIZE:
                    self.chunk_size = struct.unpack(">I", found.payload)[0] & 0x7FFFFFFF
                elif found.type == ABORT:
                    state = self.streams.get(struct.unpack(">I", found.payload)[0])
                    if state:
                        state["body"] = bytearray()

    def _chunk(self):
        """One chunk: None when bytes are missing, False when its message goes on."""
        buf = self.buf
        if not buf:
            return None
        fmt, csid, at = buf[0] >> 6, buf[0] & 63, 1
        if csid < 2:
            if len(buf) < 2 + csid:
                return None
            csid = 64 + buf[1] + (buf[2] << 8 if csid else 0)
            at = 2 + (buf[0] & 63)
        need = (11, 7, 3, 0)[fmt]
        if len(buf) < at + need:
            return None
        head, at = bytes(buf[at:at + need]), at + need
        state = self.streams.get(csid)
        if state is None:
            if fmt != 0:
                raise ProtocolError(f"chunk stream {csid} opens with a chunk of type {fmt}")
            state = self.streams[csid] = {"body": bytearray()}
        fresh = not state["body"]
        if fmt < 3 and not fresh:
            raise ProtocolError(f"chunk type {fmt} inside a message of chunk stream {csid}")
        field = int.from_bytes(head[:3], "big") if fmt < 3 else state["field"]
        extended = field == 0xFFFFFF
        if extended:
            if len(buf) < at + 4:
                return None
            value, at = int.from_bytes(buf[at:at + 4], "big"), at + 4
        else:
            value = field
        length = int.from_bytes(head[3:6], "big") if fmt < 2 else state["length"]
        size = min(self.chunk_size, length - len(state["body"]))
        if len(buf) < at + size:
            return None
        state["field"], state["length"] = field, length
        self.formats[fmt] += 1
        if fmt < 2:
            state["type"] = head[6]
        if fmt == 0:
            state["sid"] = int.from_bytes(head[7:11], "little")
            state["ts"] = value
            state["delta"] = value
        elif fmt < 3 or fresh:
            state["delta"] = value if fmt < 3 else state["delta"]
            state["ts"] = state["ts"] + state["delta"] & 0xFFFFFFFF
        state["body"] += buf[at:at + size]
        del buf[:at + size]
        if len(state["body"]) < length:
            return False
        body, state["body"] = bytes(state["body"]), bytearray()
        return Message(state["type"], state["ts"], state["sid"], body, csid, time.monotonic())


class ChunkWriter:
    """Messages to chunks; type 0 unless told otherwise, extended timestamps by the book."""

    def __init__(self, chunk_size=128):
        self.chunk_size = chunk_size
        self.last = {}

    @staticmethod
    def basic(fmt, csid):
        if csid < 64:
            return bytes((fmt << 6 | csid,))
        if csid < 320:
            return bytes((fmt << 6, csid - 64))
        return bytes((fmt << 6 | 1, csid - 64 & 255, csid - 64 >> 8))

    def chunks(self, m, fmt=0):
        """The message as a list of its chunks. fmt 1..3 need a message before on that stream."""
        before = self.last.get(m.csid)
        if fmt and before is None:
            raise ValueError("no message before on this chunk stream")
        value = (m.ts if fmt == 0 else m.ts - before.ts) & 0xFFFFFFFF
        head = (min(value, 0xFFFFFF)).to_bytes(3, "big") if fmt < 3 else b""
        if fmt < 2:
            head += len(m.payload).to_bytes(3, "big") + bytes((m.type,))
        if fmt == 0:
            head += m.sid.to_bytes(4, "little")
        ext = value.to_bytes(4, "big") if value >= 0xFFFFFF else b""
        self.last[m.csid] = m
        out, n = [], self.chunk_size
        for at in range(0, max(len(m.payload), 1), n):
            start = self.basic(fmt, m.csid) + head if at == 0 else self.basic(3, m.csid)
            out.append(start + ext + m.payload[at:at + n])
        return out

    def bytes(self, m, fmt=0):
        return b"".join(self.chunks(m, fmt))
