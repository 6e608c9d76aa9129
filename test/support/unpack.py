"""What a stream becomes, taken apart again: pictures and sound of each output, and whether they are those that were published.

An output says them in a form of its own: "raw" is as they were published, "mp4" has NAL units behind lengths and without
delimiters, "ts" has neither parameter sets, since these stand in front of other pictures than those that brought them."""
from . import ts
from .rtmp import AUDIO, VIDEO, is_header
from .rtmp_chunk import enhanced_type

FOURCC = {b"avc1": "avc", b"hvc1": "hevc", b"av01": "av1", b"vp09": "vp9", b"Opus": "opus", b"fLaC": "flac", b"ac-3": "ac3"}
OF_TS = {0x1B: "avc", 0x24: "hevc", 0x0F: "aac", 0x03: "mp3", 0x81: "ac3", 0x06: "opus"}
DELIMITERS = {"avc": (9, 10, 11, 12), "hevc": (35, 36, 37, 38)}     # filler too
PARAMETERS = {"avc": (7, 8), "hevc": (32, 33, 34)}
REORDERED = ("avc", "hevc")


class Unit:
    """A picture, or frames of sound that stand together: its times in 90 kHz, the decoding time None where none is said."""

    def __init__(self, kind, dts, data, cts=0, run=0):
        self.kind, self.dts, self.cts, self.data, self.run = kind, dts, cts, data, run

    def __repr__(self):
        return f"<{'picture' if self.kind == VIDEO else 'sound'} at {self.dts}, run {self.run}, {len(self.data)}>"


# ---- messages ----

def codec_of(m):
    """Of an audio or video message, and where its body begins."""
    p = m.payload
    if enhanced_type(m) is not None:
        return FOURCC[p[1:5]], 5
    if m.type == VIDEO:
        return {7: "avc", 12: "hevc"}[p[0] & 15], 2
    return {10: "aac", 2: "mp3"}[p[0] >> 4], 2 if p[0] >> 4 == 10 else 1


def header_of(m):
    """What a sequence header carries for the decoder."""
    codec, at = codec_of(m)
    return bytes(m.payload[at + 3 if codec in REORDERED and at == 2 else at:])


def with_lengths(data):
    """The NAL units of what has them behind lengths of four bytes."""
    out = []
    while data:
        n = int.from_bytes(data[:4], "big")
        out.append(bytes(data[4:4 + n]))
        data = data[4 + n:]
    return out


def nal_type(codec, nal):
    return nal[0] & 31 if codec == "avc" else nal[0] >> 1 & 63


def without(codec, nals, *kinds):
    dropped = [number for kind in kinds for number in kind[codec]]
    return [n for n in nals if nal_type(codec, n) not in dropped]


def in_form(form, codec, body):
    if form == "raw" or codec not in REORDERED:
        return body
    nals = with_lengths(body)
    if form == "mp4":
        return b"".join(len(n).to_bytes(4, "big") + n for n in without(codec, nals, DELIMITERS))
    return bare(codec, nals)


def bare(codec, nals):
    return tuple(n.rstrip(b"\0") for n in without(codec, nals, DELIMITERS, PARAMETERS))


def of_message(m, form="raw", run=0):
    codec, at = codec_of(m)
    has_cts = codec in REORDERED and (at == 2 or enhanced_type(m) == 1)
    cts = int.from_bytes(m.payload[at:at + 3], "big", signed=True) if has_cts else 0
    body = bytes(m.payload[at + 3 * has_cts:])
    return Unit(m.type, m.ts * 90, in_form(form, codec, body), cts * 90, run)


def of_messages(messages, form="raw"):
    return [of_message(m, form) for m in messages if m.media and not is_header(m)]


# ---- containers ----

def of_ts(segments, headers=()):
    """Of segments, each with whether it stands behind a discontinuity, and the reader that has judged them all. All NAL units
    that the encoder's headers have stand in front of key frames."""
    reader, out = ts.Ts(), []
    for data, is_break in segments:
        if is_break:
            reader.new()
        out += [_of_pes(OF_TS[reader.types[u.pid]], u, headers) for u in reader.feed(data)]
    return out, reader


def _of_pes(codec, u, headers):
    dts = u.dts - 63000         # all times are 700 ms later than those of the stream
    if codec in REORDERED:
        nals = [n for n in ts.nals(u.data) if not u.is_random or not any(n in header for header in headers)]
        return Unit(VIDEO, dts, bare(codec, nals), apart(u.pts, u.dts))
    frames = {"aac": ts.adts_frames, "opus": _opus_frames}.get(codec, lambda data: [data])
    return Unit(AUDIO, dts, b"".join(frames(u.data)))


def _opus_frames(data):
    """Without their control headers: a mark, and the size as a sum of bytes."""
    out = []
    while data:
        assert data[:2] == b"\x7f\xe0", data[:4]
        at, size = 2, 0
        while data[at] == 255:
            at, size = at + 1, size + 255
        at, size = at + 1, size + data[at]
        out.append(data[at:at + size])
        data = data[at + size:]
    return out


def of_samples(tracks, by_track):
    """Of samples of MP4 by track id."""
    return [Unit(VIDEO if tracks[i].kind == "vide" else AUDIO, x.dts * 90000 / tracks[i].timescale, x.data,
                 x.cts * 90000 / tracks[i].timescale) for i in sorted(by_track) for x in by_track[i]]


# ---- whether they are the same ----

def _count(sent, at, unit):
    """How many published units from there on are this one; 0: it is another."""
    if unit.kind == VIDEO:
        return sent[at].data == unit.data
    n = size = 0
    while size < len(unit.data) and at + n < len(sent) and unit.data.startswith(sent[at + n].data, size):
        size, n = size + len(sent[at + n].data), n + 1
    return n if size == len(unit.data) else 0


def placed(what, sent, got):
    """(unit, the published one that it begins with) of each, and the published ones that are missing. They come in their
    order, none twice, and nothing else."""
    at, out, missing = 0, [], []
    for unit in got:
        n = 0
        while at < len(sent) and not (n := _count(sent, at, unit)):
            missing.append(sent[at])
            at += 1
        assert n, f"{what}: {unit} was not published here, behind {out[-1] if out else 'nothing'}"
        out.append((unit, sent[at]))
        at += n
    return out, missing + sent[at:]


def apart(a, b):
    """How much later, in times that come round."""
    return (a - b + ts.WRAP // 2) % ts.WRAP - ts.WRAP // 2


def assert_same(what, sent, got, kinds=(VIDEO, AUDIO), keeps_times=False, slack=0, sound_slack=0, settling=0, lost=9000):
    """All pictures are there, and all sound but for what a run begins with (`lost`, in 90 kHz). In each run all times are as
    far from the published ones: pictures' exactly, but for `slack`, sound's but for `sound_slack`, and by `settling` more
    where a run begins; not at all where it keeps times."""
    offsets = {}
    for kind in kinds:
        found, missing = placed(what, [u for u in sent if u.kind == kind], [u for u in got if u.kind == kind])
        begins = {}
        for u in sent:
            begins[u.run] = min(begins.get(u.run, u.dts), u.dts)
        bad = [u for u in missing if kind == VIDEO or u.dts - begins[u.run] > lost]
        assert found and not bad, f"{what}: {len(found)} were found, {len(bad)} are missing: {bad[:5]}"
        for unit, one in found:
            assert kind == AUDIO or unit.cts == one.cts, f"{what}: {unit} has {unit.cts}, not {one.cts}"
            if unit.dts is not None:
                offsets.setdefault(one.run, {}).setdefault(kind, []).append(apart(unit.dts, one.dts))
    assert not {u.kind for u in got} - set(kinds), f"{what}: kinds that were not published"
    for run, by_kind in offsets.items():
        middle = {kind: sorted(found)[len(found) // 2] for kind, found in by_kind.items()}
        base = 0 if keeps_times else middle.get(VIDEO, middle.get(AUDIO))
        for kind, found in by_kind.items():
            most = slack + (sound_slack + settling if kind == AUDIO else 0)
            assert base - most <= min(found) and max(found) <= base + most, \
                f"{what}, run {run}: {sorted(found)[:3]} … {sorted(found)[-3:]} of {kind}, not {base}"
            assert abs(middle[kind] - base) <= max(sound_slack, 1), f"{what}, run {run}: sound and pictures are apart: {middle}"
