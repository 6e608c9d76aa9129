"""FLV: reading it, the media fixture, and comparing what was played with what was published."""
import os
import struct
import subprocess

from .rtmp import AUDIO, DATA, VIDEO, Message, is_header, is_keyframe

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEDIA = os.path.join(TOP, "objs", "test-media")


class FlvError(Exception):
    pass


class FlvReader:
    """Bytes in, messages out. Checks signature, tag types and back pointers."""

    def __init__(self):
        self.buf = bytearray()
        self.flags = None
        self.before = 0

    def feed(self, data):
        self.buf += data
        out = []
        if self.flags is None:
            if len(self.buf) < 9:
                return out
            if self.buf[:4] != b"FLV\x01" or self.buf[5:9] != b"\0\0\0\x09":
                raise FlvError(f"not an FLV header: {bytes(self.buf[:9])!r}")
            self.flags = self.buf[4]
            del self.buf[:9]
        while len(self.buf) >= 15:
            back, kind = struct.unpack(">IB", self.buf[:5])
            size = int.from_bytes(self.buf[5:8], "big")
            if back != self.before:
                raise FlvError(f"previous tag size is {back}, not {self.before}")
            if kind not in (AUDIO, VIDEO, DATA):
                raise FlvError(f"tag type {kind}")
            if len(self.buf) < 15 + size:
                break
            ts = int.from_bytes(self.buf[8:11], "big") | self.buf[11] << 24
            out.append(Message(kind, ts, 1, self.buf[15:15 + size]))
            del self.buf[:15 + size]
            self.before = 11 + size
        return out

    @property
    def clean_end(self):
        """True when the bytes so far end after a whole tag and its back pointer."""
        return self.flags is not None and len(self.buf) == 4


def read_file(path):
    with open(path, "rb") as f:
        return FlvReader().feed(f.read())


def tag(m):
    head = struct.pack(">B", m.type) + len(m.payload).to_bytes(3, "big") + (m.ts & 0xFFFFFF).to_bytes(3, "big")
    return head + bytes((m.ts >> 24 & 255, 0, 0, 0)) + m.payload + struct.pack(">I", 11 + len(m.payload))


def write_file(path, messages, flags=5):
    with open(path, "wb") as f:
        f.write(b"FLV\x01" + bytes((flags,)) + b"\0\0\0\x09\0\0\0\0")
        f.writelines(tag(m) for m in messages)


def make_flv(seconds=10, gop=1.0, fps=25, size="320x180", rate="300k", profile="high",
             audio=True, video=True, seed=0):
    """A picture with a running clock and a tone, made once and kept under objs/test-media."""
    name = f"{seconds}s-{gop}-{fps}-{size}-{rate}-{profile}-{'a' * audio}{'v' * video}-{seed}.flv"
    path = os.path.join(MEDIA, name)
    if os.path.exists(path):
        return path
    os.makedirs(MEDIA, exist_ok=True)
    run = ["ffmpeg", "-v", "error", "-y"]
    if video:
        run += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps},hue=h={seed * 40}"]
    if audio:
        run += ["-f", "lavfi", "-i", f"sine=frequency={440 + 110 * seed}:sample_rate=44100"]
    if video:
        frames = str(round(gop * fps))
        run += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", profile,
                "-pix_fmt", "yuv420p", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-g", frames,
                "-keyint_min", frames, "-sc_threshold", "0"]
    if audio:
        run += ["-c:a", "aac", "-b:a", "64k"]
    part = f"{path}.{os.getpid()}.flv"
    subprocess.run(run + ["-t", str(seconds), "-f", "flv", part], check=True, stdin=subprocess.DEVNULL)
    os.rename(part, path)
    return path


def span_ms(messages):
    """How far apart two loops of these messages are: their length plus one video frame."""
    stamps = [m.ts for m in messages if m.type == VIDEO] or [m.ts for m in messages]
    step = max((b - a for a, b in zip(stamps, stamps[1:])), default=40)
    return max(m.ts for m in messages if m.media) + min(step, 40) if messages else 0


def frames(messages, kind=None):
    """Audio and video without sequence headers, end-of-sequence marks and empty messages."""
    return [m for m in messages if m.media and m.payload and not is_header(m) and not is_end(m)
            and kind in (None, m.type)]


def is_end(m):
    return m.type == VIDEO and len(m.payload) >= 2 and m.payload[0] & 0x8F == 7 and m.payload[1] == 2


def headers(messages):
    """The last sequence header of each kind."""
    return {m.type: m.payload for m in messages if is_header(m)}


def _compare(published, received, what):
    """The received frames must stand in the published ones without a gap or a change."""
    if not received:
        raise AssertionError(f"{what}: nothing was received")
    first = received[0]
    starts = [i for i, m in enumerate(published) if m.type == first.type and m.payload == first.payload]
    if not starts:
        raise AssertionError(f"{what}: the first frame received was never published: {first}")
    best = 0
    for start in starts:
        n = 0
        for a, b in zip(published[start:], received):
            if a.type != b.type or a.payload != b.payload or a.ts - published[start].ts != b.ts - first.ts:
                break
            n += 1
        if n == len(received):
            return start
        best = max(best, n)
    expected = published[starts[0] + best] if starts[0] + best < len(published) else None
    raise AssertionError(f"{what}: after {best} of {len(received)} frames {received[best]} came instead of "
                         f"{expected} (base {first.ts} / {published[starts[0]].ts})")


def assert_same(published, received, least=10, by_type=False):
    """What was received is, from its first key frame on, what was published: type, bytes and
    distances in time, in order, nothing missing and nothing twice. The sequence headers too.
    `by_type` compares audio and video each for itself, for publishers that interleave anew."""
    sent, got = frames(published), frames(received)
    if any(is_keyframe(m) for m in sent):
        while got and not is_keyframe(got[0]):
            got.pop(0)
    if len(got) < least:
        raise AssertionError(f"only {len(got)} frames from the first key frame on, {least} wanted "
                             f"({len(received)} messages received)")
    have, want = headers(received), headers(published)
    for kind in want:
        if any(m.type == kind for m in got) and have.get(kind) != want[kind]:
            raise AssertionError(f"the sequence header of type {kind} differs")
    if not by_type:
        _compare(sent, got, "frames")
        return len(got)
    for kind in (VIDEO, AUDIO):
        mine = [m for m in got if m.type == kind]
        if mine:
            _compare([m for m in sent if m.type == kind], mine, "video" if kind == VIDEO else "audio")
    return len(got)
