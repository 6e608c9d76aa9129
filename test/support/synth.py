"""Made-up media of other codecs, for what a server has to pass on without understanding it."""
import random

from .rtmp import AUDIO, VIDEO, Message


def _body(rng, n):
    return rng.randbytes(n)


def stream(video="hevc", audio="aac", seconds=10, gop=25, fps=25, seed=1):
    """Messages of one stream. video: hevc (codec id 12), or hvc1, av01, vp09 (Enhanced RTMP),
    hvc1-nano (with a ModEx prefix), hvc1-tracks (many tracks). audio: aac, Opus, None."""
    rng = random.Random(seed)
    out = []
    headers, key, inter = _video_forms(video, rng)
    out += [Message(VIDEO, 0, 1, h) for h in headers]
    if audio == "aac":
        out.append(Message(AUDIO, 0, 1, bytes.fromhex("af00 1210 56e500")))
    elif audio:
        out.append(Message(AUDIO, 0, 1, b"\x90" + audio.encode() + b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"))
    for n in range(seconds * fps):
        ts = n * 1000 // fps
        form, size = (key, 3000) if n % gop == 0 else (inter, 600)
        out.append(Message(VIDEO, ts, 1, form(_body(rng, size))))
        if audio:
            head = b"\xaf\x01" if audio == "aac" else b"\x91" + audio.encode()
            out.append(Message(AUDIO, ts + 3, 1, head + _body(rng, 90)))
    return out


def _hevc(b, key):
    """A NAL unit: what it is must be plain, or random bytes would now and then be a random access point."""
    return (len(b) + 2).to_bytes(4, "big") + (b"\x26\x01" if key else b"\x02\x01") + b


def _hvcc(rng, n):
    """A configuration record whose NAL units have lengths of four bytes; the rest of it is random."""
    record = bytearray(_body(rng, n))
    record[0] = 1
    record[21] |= 3
    return bytes(record)


def _video_forms(video, rng):
    if video == "hevc":
        return ([b"\x1c\0\0\0\0" + _hvcc(rng, 60)], lambda b: b"\x1c\x01\0\0\0" + _hevc(b, True),
                lambda b: b"\x2c\x01\0\0\x28" + _hevc(b, False))
    fourcc = video[:4].encode()
    if video.endswith("-nano"):
        mod = b"\x02\0\x01\xf4"       # three bytes: 500 ns; then ModEx type 0 and the packet type
        return ([b"\x90" + fourcc + _hvcc(rng, 60)], lambda b: b"\x97" + mod + b"\x01" + fourcc + b"\0\0\0" + _hevc(b, True),
                lambda b: b"\xa7" + mod + b"\x01" + fourcc + b"\0\0\0" + _hevc(b, False))
    if video.endswith("-tracks"):
        heads = [b"\x96\x00" + fourcc + bytes((n,)) + _hvcc(rng, 50) for n in (0, 1)]

        def two(first):
            def form(b):
                half = len(b) // 2
                key = first == b"\x96"
                parts = ((0, _hevc(b[:half], key)), (1, _hevc(b[half:], key)))
                return first + b"\x13" + fourcc + b"".join(
                    bytes((n,)) + len(p).to_bytes(3, "big") + p for n, p in parts)
            return form
        return heads, two(b"\x96"), two(b"\xa6")
    if fourcc == b"hvc1":
        return ([b"\x90" + fourcc + _hvcc(rng, 60)], lambda b: b"\x91" + fourcc + b"\0\0\0" + _hevc(b, True),
                lambda b: b"\xa3" + fourcc + _hevc(b, False))
    return ([b"\x90" + fourcc + _body(rng, 60)], lambda b: b"\x91" + fourcc + b, lambda b: b"\xa1" + fourcc + b)
