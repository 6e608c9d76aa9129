"""A viewer with a stopwatch: reads a live stream and keeps what arrived when."""
import collections
import hashlib
import socket
import threading
import time

from . import SCALE, httpc, rtmp
from .flv import FlvReader, frames
from .rtmp import AUDIO, DATA, VIDEO, Closed, Command, Timeout, is_keyframe


class Probe(threading.Thread):
    """Reads rtmp(s)://… or http(s)://….flv until it ends or stop() is called.

    messages: audio, video and data, each with .at (time.monotonic) and .hash; with keep=False
    the payloads are dropped but for their first 16 bytes. statuses: the commands received.
    events: (time, event, value) of user control. ended: why it is over, or None."""

    def __init__(self, url, to=None, keep=True, timeout=5.0, idle=60.0, rcvbuf=None, play_args=(),
                 connect=None, start=True, read=None):
        super().__init__(daemon=True)
        self.url, self.to, self.keep = url, to, keep
        self.timeout, self.idle, self.rcvbuf = timeout, idle, rcvbuf
        self.play_args, self.connect_members = play_args, connect or {}
        self.messages, self.hashes, self.statuses, self.events = [], [], [], []
        self.changed = threading.Condition()
        self.stopping = self.reading_stopped = False
        self.ended = self.error = self.ended_at = None
        self.t0 = self.started_at = None
        self.status = None            # of HTTP
        self.clean = None             # HTTP: the body ended as HTTP says
        self.client = None
        if start:
            self.start()

    # the thread

    def run(self):
        self.t0 = time.monotonic()
        try:
            self._rtmp() if self.url.startswith("rtmp") else self._http()
        except Closed as e:
            self.ended = f"closed: {e}"
        except Timeout as e:
            self.ended, self.error = f"timeout: {e}", e
        except Exception as e:  # a malformed stream is the finding, not a crash of the thread
            self.ended, self.error = f"{type(e).__name__}: {e}", e
        with self.changed:
            self.ended = self.ended or "stopped"
            self.ended_at = time.monotonic()
            self.changed.notify_all()
        if self.client:
            (self.client.sock if isinstance(self.client, httpc.Response) else self.client).close()

    def _rtmp(self):
        c = self.client = rtmp.Client(self.url, self.to, self.timeout, rcvbuf=self.rcvbuf)
        c.connect(**self.connect_members)
        c.create_stream()
        c.play(None, *self.play_args)
        self.started_at = time.monotonic()
        for m in c.seen:
            self._take(m)
        self._each(lambda left: [c.read(left)])

    def _http(self):
        r = self.client = httpc.Response(self.url, timeout=self.timeout, to=self.to, head=False)
        self.started_at = time.monotonic()
        r.read_head(self.idle)
        self.status = r.status
        with self.changed:
            self.changed.notify_all()
        if r.status != 200:
            raise Closed(f"HTTP {r.status}")
        flv = self.flv = FlvReader()

        def more(left):
            data = r.read(left)
            if not data:
                self.clean = r.clean and flv.clean_end
                raise Closed("end of the body" if r.clean else "cut in the body")
            now = time.monotonic()
            found = flv.feed(data)
            for m in found:
                m.at = now
            return found
        self._each(more)

    def _each(self, more):
        last = time.monotonic()
        while not self.stopping:
            if self.reading_stopped:
                time.sleep(0.02)
                last = time.monotonic()
                continue
            try:
                found = more(0.1)
            except Timeout:
                if time.monotonic() - last > self.idle:
                    raise
                continue
            last = time.monotonic()
            for m in found:
                self._take(m)

    def _take(self, m):
        with self.changed:
            if m.type in (AUDIO, VIDEO, DATA):
                self.hashes.append(hashlib.blake2b(m.payload, digest_size=12).digest())
                if not self.keep:
                    m.payload = m.payload[:16]
                self.messages.append(m)
            elif m.type == rtmp.COMMAND:
                self.statuses.append(Command(m))
            elif m.type == rtmp.USER:
                self.events.append((m.at, *m.event))
            self.changed.notify_all()

    # for the case

    def stop(self):
        self.stopping = True
        if self.client and not self.ended:
            try:
                self.client.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.join(5)
        return self

    def stop_reading(self, on=True):
        """A frozen viewer: the connection stays, nothing is read."""
        self.reading_stopped = on

    def wait(self, match, timeout=5.0, what="what the probe waits for"):
        """Until match(self) is true."""
        timeout *= SCALE
        deadline = time.monotonic() + timeout
        with self.changed:
            while not match(self):
                left = deadline - time.monotonic()
                if left <= 0 or (self.ended and not match(self)):
                    raise AssertionError(f"{what} did not come in {timeout} s: {self}")
                self.changed.wait(left)
        return self

    def wait_frames(self, n=1, timeout=5.0, after=0.0):
        """Until n frames (audio or video, no headers) have come, later than `after`."""
        return self.wait(lambda p: sum(m.at > after for m in frames(p.messages)) >= n, timeout,
                         f"{n} frames")

    def wait_ended(self, timeout=5.0):
        return self.wait(lambda p: p.ended, timeout, "the end of the stream")

    def wait_code(self, code, timeout=5.0):
        return self.wait(lambda p: code in p.codes, timeout, code)

    @property
    def codes(self):
        return [c.code for c in self.statuses if c.code]

    def frames(self, kind=None):
        return frames(list(self.messages), kind)

    @property
    def first_frame_ms(self):
        """From the moment before the TCP connect to the first frame."""
        got = self.frames()
        return (got[0].at - self.t0) * 1000 if got else None

    @property
    def first_video_ms(self):
        got = self.frames(VIDEO)
        return (got[0].at - self.t0) * 1000 if got else None

    def gaps(self, kind=None, after=0.0, until=float("inf")):
        """(milliseconds, when it ended) between arrivals of frames, largest first. A gap counts
        when it ends after `after`."""
        at = [m.at for m in self.frames(kind) if m.at <= until]
        return sorted((((b - a) * 1000, b) for a, b in zip(at, at[1:]) if b > after), reverse=True)

    def largest_gap_ms(self, kind=None, after=0.0):
        return next(iter(self.gaps(kind, after)), (0, 0))[0]

    def backwards(self):
        """Pairs of neighbours of one kind whose time goes back."""
        out, last = [], {}
        for m in self.frames():
            if m.type in last and m.ts < last[m.type].ts:
                out.append((last[m.type], m))
            last[m.type] = m
        return out

    def fingerprints(self, kind=None):
        """(type, size is in the hash, hash) of every frame, in order."""
        keep = {id(m) for m in self.frames(kind)}
        return [(m.type, h) for m, h in zip(list(self.messages), list(self.hashes)) if id(m) in keep]

    def repeats(self, run=3):
        """How many runs of `run` video messages in a row came a second time. One equal payload
        proves nothing (still pictures), runs do; meaningful for streams that do not loop."""
        video = self.fingerprints(VIDEO)
        seen = collections.Counter(tuple(video[i:i + run]) for i in range(len(video) - run + 1))
        return sum(n - 1 for n in seen.values())

    def missing(self, sent):
        """Indexes into `sent` (messages) of the frames that should have come between the first
        and the last one received, and did not. Each received one stands for one sent."""
        want = [(m.type, hashlib.blake2b(m.payload, digest_size=12).digest()) for m in frames(sent)]
        got = self.fingerprints()
        if not got:
            return list(range(len(want)))
        at, missing, first = 0, [], None
        for g in got:
            try:
                found = want.index(g, at)
            except ValueError:
                continue            # older than what was matched: a repeat
            if first is not None:
                missing.extend(range(at, found))
            first = found if first is None else first
            at = found + 1
        return missing

    def half_gops(self):
        """Video frames that follow a break of the sequence without a key frame before: how many
        frames came before the first key frame."""
        video = self.frames(VIDEO)
        return next((i for i, m in enumerate(video) if is_keyframe(m)), len(video))

    def __str__(self):
        v, a = len(self.frames(VIDEO)), len(self.frames(AUDIO))
        return (f"{self.url}: {v} video and {a} audio frames, statuses {self.codes}, HTTP {self.status}, "
                f"ended: {self.ended}")


class Beat(threading.Thread):
    """Somebody innocent who has nothing to do with the server. What it loses is lost to the machine."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst_ms, self.over = 0.0, False
        self.start()

    def run(self):
        while not self.over:
            began = time.monotonic()
            time.sleep(0.01)
            self.worst_ms = max(self.worst_ms, (time.monotonic() - began) * 1000 - 10)

    def close(self):
        self.over = True
        self.join()
