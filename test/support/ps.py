"""MPEG program streams as cameras write them, and RTP around them."""
import struct

from .rtmp import AUDIO, VIDEO, is_header, is_keyframe

H264, HEVC, AAC, ALAW, ULAW = 0x1B, 0x24, 0x0F, 0x90, 0x91
PES_MAX = 65535 - 20
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def pack(scr):
    """A pack header with that clock, in 90 kHz."""
    scr &= (1 << 33) - 1
    value = 1 << 46 | (scr >> 30) << 43 | 1 << 42 | (scr >> 15 & 0x7FFF) << 27 | 1 << 26 | (scr & 0x7FFF) << 11 | 1 << 10 | 1
    return b"\0\0\1\xba" + value.to_bytes(6, "big") + b"\0\x03\xfb\xf8"


def system_header():
    return b"\0\0\1\xbb" + bytes.fromhex("000c 80 04 e1 04 e1 7f e0 e0 80 c0 c0 08")


def stream_map(video=H264, audio=AAC):
    """The program stream map; its checksum is as wrong as that of many cameras."""
    streams = b"".join(bytes((kind, stream_id, 0, 0)) for kind, stream_id in ((video, 0xE0), (audio, 0xC0)) if kind)
    body = b"\xe1\xff" + b"\0\0" + len(streams).to_bytes(2, "big") + streams + b"\0\0\0\0"
    return b"\0\0\1\xbc" + len(body).to_bytes(2, "big") + body


def _time(mark, t):
    t &= (1 << 33) - 1
    return bytes((mark << 4 | t >> 29 & 14 | 1,)) + (t >> 14 & 0xFFFE | 1).to_bytes(2, "big") + (t << 1 & 0xFFFE | 1).to_bytes(2, "big")


def pes(stream_id, payload, pts=None, dts=None):
    """Packets of a frame: the first one has the times."""
    out = []
    while payload or not out:
        part, payload = payload[:PES_MAX], payload[PES_MAX:]
        times = b""
        if pts is not None and not out:
            times = _time(2, pts) if dts in (None, pts) else _time(3, pts) + _time(1, dts)
        flags = {0: 0, 5: 0x80, 10: 0xC0}[len(times)]
        head = bytes((0x80, flags, len(times))) + times
        out.append(b"\0\0\1" + bytes((stream_id,)) + (len(head) + len(part)).to_bytes(2, "big") + head + part)
    return b"".join(out)


# ---- frames, from messages of RTMP ----

def _annexb(data):
    out = b""
    while data:
        size = int.from_bytes(data[:4], "big")
        out += b"\0\0\0\1" + data[4:4 + size]
        data = data[4 + size:]
    return out


def _sets(record):
    """The parameter sets of an AVCDecoderConfigurationRecord."""
    out, at = b"", 5
    for mask in (31, 255):
        count, at = record[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(record[at:at + 2], "big")
            out += b"\0\0\0\1" + record[at + 2:at + 2 + size]
            at += 2 + size
    return out


def _adts(config, data):
    object_type, index, channels = config[0] >> 3, (config[0] & 7) << 1 | config[1] >> 7, config[1] >> 3 & 15
    size = len(data) + 7
    return bytes((0xFF, 0xF1, (object_type - 1) << 6 | index << 2 | channels >> 2, (channels & 3) << 6 | size >> 11,
                  size >> 3 & 255, (size & 7) << 5 | 31, 0xFC)) + data


def frames(messages):
    """(milliseconds, "video" or "audio", is key, bytes, offset of the time of showing) of H.264 and AAC."""
    out, sets, config = [], b"", b""
    for m in messages:
        data = bytes(m.payload)
        if m.type == VIDEO and is_header(m):
            sets = _sets(data[5:])
        elif m.type == VIDEO and data[1] == 1:
            key = is_keyframe(m)
            out.append((m.ts, "video", key, (sets if key else b"") + _annexb(data[5:]), int.from_bytes(data[2:5], "big")))
        elif m.type == AUDIO and is_header(m):
            config = data[2:]
        elif m.type == AUDIO:
            out.append((m.ts, "audio", False, _adts(config, data[2:]), 0))
    return out


def packs(all_frames, start=0, with_map=True, video=H264, audio=AAC):
    """(milliseconds, bytes) of each frame in a pack of its own; the map stands in front of key frames."""
    for ms, kind, key, data, offset in all_frames:
        t = start + ms * 90
        head = pack(t)
        if key:
            head += system_header() + (stream_map(video, audio) if with_map else b"")
        yield ms, head + pes(0xE0 if kind == "video" else 0xC0, data, t + offset * 90, t)


class Rtp:
    """Numbers packets of one source."""

    def __init__(self, ssrc, payload_type=96, size=1400):
        self.ssrc, self.payload_type, self.size, self.seq = ssrc, payload_type, size, 0

    def packets(self, data, ms, payload_type=None):
        parts = [data[i:i + self.size] for i in range(0, len(data), self.size)]
        for i, part in enumerate(parts):
            mark = 0x80 if i == len(parts) - 1 else 0
            yield struct.pack(">BBHII", 0x80, (self.payload_type if payload_type is None else payload_type) | mark,
                              self.seq & 0xFFFF, ms * 90 & 0xFFFFFFFF, self.ssrc) + part
            self.seq += 1
