"""AMF0: Python values to bytes and back.

number <-> float, boolean <-> bool, string <-> str, object <-> dict, null <-> None,
undefined <-> UNDEFINED, ECMA array <-> Ecma (a dict), strict array <-> list, date <-> Date.
"""
import struct


class AmfError(Exception):
    pass


class Ecma(dict):
    """An ECMA array; equal to a dict with the same members."""


class Date(float):
    """Milliseconds since 1970; the zone is always 0."""


class _Undefined:
    def __repr__(self):
        return "UNDEFINED"

    def __bool__(self):
        return False


UNDEFINED = _Undefined()


def _text(s):
    raw = s.encode()
    return struct.pack(">H", len(raw)) + raw


def _members(d):
    return b"".join(_text(k) + encode(v) for k, v in d.items()) + b"\0\0\x09"


def encode(*values):
    """The values one after the other, as they stand in a command message."""
    return b"".join(_encode(v) for v in values)


def _encode(v):
    if v is None:
        return b"\x05"
    if v is UNDEFINED:
        return b"\x06"
    if isinstance(v, bool):
        return bytes((1, v))
    if isinstance(v, Date):
        return b"\x0b" + struct.pack(">dh", v, 0)
    if isinstance(v, (int, float)):
        return b"\0" + struct.pack(">d", v)
    if isinstance(v, str):
        raw = v.encode()
        if len(raw) > 0xFFFF:
            return b"\x0c" + struct.pack(">I", len(raw)) + raw
        return b"\x02" + _text(v)
    if isinstance(v, Ecma):
        return b"\x08" + struct.pack(">I", len(v)) + _members(v)
    if isinstance(v, dict):
        return b"\x03" + _members(v)
    if isinstance(v, (list, tuple)):
        return b"\x0a" + struct.pack(">I", len(v)) + encode(*v)
    raise AmfError(f"no AMF0 form for {type(v).__name__}")


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise AmfError(f"AMF0 ends at {len(self.data)}, {n} more bytes wanted at {self.at}")
        piece = self.data[self.at:self.at + n]
        self.at += n
        return piece

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, form=">H"):
        return self.take(self.number(form)).decode("utf-8", "replace")

    def members(self, into):
        while True:
            key = self.text()
            if not key and self.data[self.at:self.at + 1] == b"\x09":
                self.at += 1
                return into
            into[key] = self.value()

    def value(self):
        marker = self.take(1)[0]
        if marker == 0:
            return self.number(">d")
        if marker == 1:
            return self.take(1) != b"\0"
        if marker == 2:
            return self.text()
        if marker == 3:
            return self.members({})
        if marker == 5:
            return None
        if marker == 6:
            return UNDEFINED
        if marker == 8:
            self.take(4)
            return self.members(Ecma())
        if marker == 10:
            return [self.value() for _ in range(self.number(">I"))]
        if marker == 11:
            ms = self.number(">d")
            self.take(2)
            return Date(ms)
        if marker == 12:
            return self.text(">I")
        raise AmfError(f"AMF0 marker {marker:#x} at {self.at - 1}")


def decode(data):
    """All values of a message body."""
    reader, values = _Reader(bytes(data)), []
    while reader.at < len(reader.data):
        values.append(reader.value())
    return values
