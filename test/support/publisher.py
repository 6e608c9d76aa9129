"""Encoders: one in Python that remembers each message it sent, and ffmpeg."""
import threading
import time

from . import SCALE, rtmp
from .flv import read_file, span_ms
from .rtmp import AUDIO, DATA, VIDEO, Closed, Message, Refused, Timeout, is_header

_SEI = bytes.fromhex("06 05 20") + b"blackbox-counter"


def mark_video(m, number):
    """The message with one more NAL unit (SEI, user data) that carries a number, so that no two
    frames of a looping file are equal. Only for H.264 with four-byte lengths."""
    if m.type != VIDEO or m.payload[0] & 0x8F != 7 or m.payload[1] != 1:
        return m
    sei = _SEI + b"%016d" % number + b"\x80"
    return Message(VIDEO, m.ts, m.sid, m.payload + len(sei).to_bytes(4, "big") + sei)


def mark_audio(m, number):
    """Four bytes behind an AAC frame; decoders stop at the frame's own end."""
    if m.type != AUDIO or m.payload[0] >> 4 != 10 or m.payload[1] != 1:
        return m
    return Message(AUDIO, m.ts, m.sid, m.payload + number.to_bytes(4, "big"))


def looped(media, loop=True, mark=False, start=0):
    """The messages of a file again and again with rising timestamps; headers only once."""
    base, number, span, first = start, 0, span_ms(media), True
    while True:
        for m in media:
            if not first and (not m.media or is_header(m)):
                continue
            if m.type == VIDEO and m.payload[:2] == b"\x17\x02":
                continue            # end of sequence
            number += 1
            out = Message(m.type, m.ts + base if m.media else base, 1, m.payload)
            if mark:
                out = mark_audio(mark_video(out, number), number)
            yield out
        if not loop:
            return
        first = False
        base += span


class Publisher(threading.Thread):
    """Publishes messages in real time; `sent` is what went out, each with .at.

    media: a path or a list of messages. speed: 1 real time, None as fast as it goes. burst: how
    many milliseconds of the start are sent at once. start() connects before it returns and
    raises Refused or Closed when the server does not want it."""

    def __init__(self, url, media, to=None, loop=True, mark=False, speed=1.0, flow="fmle", start_ts=0,
                 burst=0, chunk_size=60000, timeout=5.0, set_data_frame=True, connect=None, pongs=True,
                 fmt=0):
        super().__init__(daemon=True)
        self.url, self.to = url, to
        media = read_file(media) if isinstance(media, str) else media
        self.source = looped(media, loop, mark, start_ts)
        self.speed, self.burst, self.start_ts = speed, burst, start_ts
        self.flow, self.chunk_size, self.timeout = flow, chunk_size, timeout
        self.set_data_frame, self.connect_members = set_data_frame, connect or {}
        self.sent = []
        self.statuses = []
        self.stopping = self.frozen = False
        self.sending = threading.Lock()     # nothing is on its way any more when freeze() returns
        self.pongs, self.fmt = pongs, fmt
        self.client = self.ended = self.ended_at = None
        self.finished = False

    def start(self):
        self.client = rtmp.Client(self.url, self.to, self.timeout)
        self.client.pongs = self.pongs
        try:
            self.client.connect(chunk_size=self.chunk_size, **self.connect_members)
            self.client.publish(flow=self.flow)
        except (Refused, Closed, Timeout):
            self.client.close()
            raise
        super().start()
        return self

    def run(self):
        t0 = time.monotonic()
        try:
            for m in self.source:
                self._until(t0 + (m.ts - self.start_ts - self.burst) / 1000 / self.speed if self.speed else 0)
                while not self.stopping and not self._send(m):
                    self._until(0)
                if self.stopping:
                    break
            self.finished = not self.stopping
            while not self.stopping:
                self._until(time.monotonic() + 0.1)
        except (Closed, Timeout) as e:
            self.ended, self.ended_at = f"{type(e).__name__}: {e}", time.monotonic()

    def _send(self, m):
        """False: not now, it is frozen."""
        body = m.payload
        if m.type == DATA and self.set_data_frame and not body.startswith(b"\x02\0\x0d@setDataFrame"):
            body = b"\x02\0\x0d@setDataFrame" + body
        out = Message(m.type, m.ts, self.client.sid, body, {AUDIO: 4, VIDEO: 6}.get(m.type, 3))
        fmt = self.fmt if out.csid in self.client.writer.last else 0
        with self.sending:
            if self.frozen:
                return False
            m.at = time.monotonic()
            self.sent.append(m)     # before a player can have it
            try:
                self.client.send(out, fmt)
            except (Closed, Timeout, OSError):
                self.sent.pop()
                raise
        return True

    def _until(self, when):
        """Waits for the time to come, and meanwhile reads what the server says."""
        while not self.stopping:
            left = when - time.monotonic()
            if self.frozen:
                time.sleep(0.02)
                continue
            try:
                m = self.client.read(min(max(left, 0), 0.1))
                if m.type == rtmp.COMMAND:
                    self.statuses.append(rtmp.Command(m))
            except Timeout:
                pass
            if time.monotonic() >= when:
                return

    @property
    def codes(self):
        return [c.code for c in self.statuses]

    def freeze(self, on=True):
        """A half-open encoder: nothing is sent, read or answered any more."""
        with self.sending:
            self.frozen = on

    def stop(self, clean=True):
        """Leaves as encoders do, or (clean=False) by a reset."""
        self.stopping = True
        if self.ident:
            self.join(5)
        try:
            if self.client and clean:
                self.client.unpublish()
            elif self.client:
                self.client.reset()
        except (Closed, Timeout, OSError):
            pass
        return self

    def wait_sent(self, n, timeout=5.0):
        deadline = time.monotonic() + timeout * SCALE
        while len(self.sent) < n:
            if self.ended or time.monotonic() > deadline:
                raise AssertionError(f"the publisher sent {len(self.sent)} of {n}; {self.ended}")
            time.sleep(0.01)
        return self


def ffmpeg_publish(path, url, loop=True, fmt="flv", extra=()):
    """The command line of ffmpeg that publishes a file in real time without touching it."""
    return ["ffmpeg", "-nostdin", "-v", "warning", "-re", *(["-stream_loop", "-1"] if loop else []),
            "-i", path, "-c", "copy", *extra, "-f", fmt, url]


def ffmpeg_record(url, out, seconds, extra=()):
    """The command line of ffmpeg that records what it plays without touching it."""
    return ["ffmpeg", "-nostdin", "-v", "warning", "-y", *extra, "-i", url, "-t", str(seconds),
            "-c", "copy", "-f", "flv", out]
