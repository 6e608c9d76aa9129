"""Fragmented MP4 taken apart: boxes, tracks, samples; and made into messages of Enhanced RTMP."""
import os
import struct
import subprocess

from .rtmp import AUDIO, VIDEO, Message


class Mp4Error(AssertionError):
    pass


CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"}


def boxes(data, base=0):
    """(type, content, offset) of each box; they must fill the data."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if size < 8 or at + size > len(data):
            raise Mp4Error(f"box {kind} of {size} bytes at {base + at}, {len(data) - at} are left")
        yield kind, data[at + 8:at + size], base + at
        at += size


def find(data, *path):
    """The contents of all boxes on the path."""
    if not path:
        return [data]
    return [found for kind, content, _ in boxes(data) if kind == path[0].encode()
            for found in find(content, *path[1:])]


class Track:
    def __init__(self, trak):
        self.id = struct.unpack(">I", find(trak, "tkhd")[0][12:16])[0]
        self.timescale = struct.unpack(">I", find(trak, "mdia", "mdhd")[0][12:16])[0]
        self.kind = find(trak, "mdia", "hdlr")[0][8:12].decode()
        stsd = find(trak, "mdia", "minf", "stbl", "stsd")[0]
        self.entry = stsd[12:16].decode()
        skip = 78 if self.kind == "vide" else 28
        self.config = {k.decode(): c for k, c, _ in boxes(stsd[16 + skip:])}
        self.size = struct.unpack(">HH", stsd[40:44]) if self.kind == "vide" else None


def tracks(init):
    return {t.id: t for t in map(Track, find(init, "moov", "trak"))}


class Sample:
    def __init__(self, track, dts, cts, duration, is_key, data):
        self.track, self.dts, self.cts, self.duration = track, dts, cts, duration
        self.is_key, self.data = is_key, data


def samples(segment):
    """The samples of all fragments, by track id in the order of the file."""
    out, moof = {}, None
    for kind, content, at in boxes(segment):
        if kind == b"moof":
            moof = (content, at)
        if kind == b"mdat":
            for traf in find(moof[0], "traf"):
                _run(out, traf, segment, moof[1], at + 8, at + 8 + len(content))
    return out


def _run(out, traf, segment, moof_at, begin, end):
    tfhd = find(traf, "tfhd")[0]
    flags, track = struct.unpack(">II", tfhd[:8])
    at, default = 8, {}
    for bit, form in ((1, ">Q"), (2, ">I"), (8, ">I"), (16, ">I"), (32, ">I")):
        if flags & bit:
            default[bit] = struct.unpack(form, tfhd[at:at + struct.calcsize(form)])[0]
            at += struct.calcsize(form)
    tfdt = find(traf, "tfdt")[0]
    dts = struct.unpack(">Q", tfdt[4:12])[0] if tfdt[0] else struct.unpack(">I", tfdt[4:8])[0]
    for trun in find(traf, "trun"):
        flags, count, offset = struct.unpack(">IIi", trun[:12])
        at, first = 12, None
        if flags & 4:
            first, at = struct.unpack(">I", trun[12:16])[0], 16
        place = moof_at + offset
        for i in range(count):
            duration, size, sample_flags, cts = default.get(8, 0), default.get(16, 0), default.get(32, 0), 0
            if i == 0 and first is not None:
                sample_flags = first
            if flags & 0x100:
                duration, at = struct.unpack(">I", trun[at:at + 4])[0], at + 4
            if flags & 0x200:
                size, at = struct.unpack(">I", trun[at:at + 4])[0], at + 4
            if flags & 0x400:
                sample_flags, at = struct.unpack(">I", trun[at:at + 4])[0], at + 4
            if flags & 0x800:
                cts, at = struct.unpack(">i", trun[at:at + 4])[0], at + 4
            if not begin <= place <= place + size <= end:
                raise Mp4Error(f"a sample at {place} is outside of its mdat")
            out.setdefault(track, []).append(
                Sample(track, dts, cts, duration, not sample_flags & 0x10000, bytes(segment[place:place + size])))
            place, dts = place + size, dts + duration


# ---- messages of Enhanced RTMP from what ffmpeg encodes ----

HEADER_BOX = {"hvc1": "hvcC", "hev1": "hvcC", "av01": "av1C", "vp09": "vpcC", "avc1": "avcC"}


def encode(path, seconds, video=(), audio=(), gop=25):
    """Encodes a picture and a tone by ffmpeg's options into messages, in order of their times, unless the file is there
    already. Raises RuntimeError where ffmpeg lacks the encoder."""
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _encode(f"{path}.{os.getpid()}.part", seconds, video, audio, gop)
        os.rename(f"{path}.{os.getpid()}.part", path)
    with open(path, "rb") as f:
        data = f.read()
    data = b"".join(struct.pack(">I4s", len(c) + 8, k) + c for k, c, _ in boxes(data) if k in (b"moov", b"moof", b"mdat"))
    return messages(data)


def _encode(path, seconds, video, audio, gop):
    run = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
           "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    for index, options in ((0, video), (1, audio)):
        run += ["-map", f"{index}", *options] if options else []
    run += ["-g", str(gop), "-t", str(seconds), "-movflags", "frag_keyframe+delay_moov+default_base_moof",
            "-strict", "-2", "-f", "mp4", path]
    done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-300:])


def messages(data):
    known = tracks(data)
    out = [Message(VIDEO if t.kind == "vide" else AUDIO, 0, 1, header(t)) for t in known.values() if t.entry != "ac-3"]
    coded = []
    for track, found in samples(data).items():
        t = known[track]
        base = min(0, min(s.dts for s in found))
        for s in found:
            ms = round((s.dts - base) * 1000 / t.timescale)
            coded.append(Message(VIDEO if t.kind == "vide" else AUDIO, ms, 1, _coded(t, s)))
    return out + sorted(coded, key=lambda m: m.ts)


def fourcc(track):
    return {"hev1": b"hvc1"}.get(track.entry, track.entry.encode())


def header(t):
    """The sequence header of a track; frames of AC-3 say all that is to be known."""
    if t.kind == "vide":
        record = t.config[HEADER_BOX[t.entry]]
        return b"\x90" + fourcc(t) + (record[4:] if t.entry == "vp09" else record)
    if t.entry == "Opus":
        d = t.config["dOps"]
        head = b"OpusHead\x01" + d[1:2] + d[3:1:-1] + d[7:3:-1] + d[9:7:-1] + d[10:]
        return b"\x90Opus" + head
    if t.entry == "fLaC":
        return b"\x90fLaCfLaC" + t.config["dfLa"][4:]
    esds = t.config["esds"]
    at = esds.index(b"\x05", 20)
    while esds[at + 1] & 0x80:
        at += 1
    return b"\xaf\0" + esds[at + 2:at + 2 + (esds[at + 1] & 127)]


def _coded(t, s):
    if t.kind == "soun":
        return {"Opus": b"\x91Opus", "fLaC": b"\x91fLaC", "ac-3": b"\x91ac-3"}.get(t.entry, b"\xaf\x01") + s.data
    cts = round(s.cts * 1000 / t.timescale)
    reorders = fourcc(t) in (b"hvc1", b"avc1")
    return bytes(((0x91 if s.is_key else 0xa1),)) + fourcc(t) + ((cts & 0xFFFFFF).to_bytes(3, "big") if reorders else b"") + s.data
