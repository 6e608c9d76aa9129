"""Encoders that outlive their servers, and what viewers went through meanwhile.

A Feed is one encoder's output: an endless list of messages, no two frames equal, each due at a
fixed moment. A Lane sends a feed to one server and comes back when the server does; several lanes
of one feed are an encoder that publishes the same to several origins."""
import ctypes
import hashlib
import itertools
import json
import os
import subprocess
import threading
import time

from . import SCALE, SHORT, rtmp
from .flv import read_file
from .publisher import looped, mark_audio, mark_video
from .rtmp import AUDIO, DATA, VIDEO, Closed, Message, Refused, Timeout, is_header, is_keyframe

NETEM = os.environ.get("TEST_NETEM", "")


def rounds(full=20, short=3):
    """How often a blow is dealt: the number of the table, or the short form."""
    return short if SHORT else full


def digest(payload):
    return hashlib.blake2b(payload, digest_size=12).digest()


class Feed:
    made = itertools.count(1)

    def __init__(self, media):
        media = read_file(media) if isinstance(media, str) else media
        # No two frames are equal, of two feeds neither: encoders begin with the same silence.
        first = next(self.made) * 100_000_000
        self.source = (mark_audio(mark_video(m, first + n), first + n) for n, m in enumerate(looped(media)))
        self.headers = [m for m in media if m.type == DATA or is_header(m)]
        self.messages, self.number = [], {}
        self.lock = threading.Lock()
        self.t0 = time.monotonic()

    def get(self, i):
        with self.lock:
            while len(self.messages) <= i:
                m = next(self.source)
                if not is_header(m) and m.media:
                    self.number[digest(m.payload)] = len(self.messages)
                    self.messages.append(m)
            return self.messages[i]

    def due(self, i):
        return self.t0 + self.get(i).ts / 1000

    def now(self):
        """The number of the message that is due next."""
        i = max(len(self.messages) - 1, 0)
        while i > 0 and self.due(i - 1) > time.monotonic():
            i -= 1
        while self.due(i) <= time.monotonic():
            i += 1
        return i

    def find(self, payload_digest):
        return self.number.get(payload_digest)


class Lane(threading.Thread):
    """Publishes a feed to one URL until stop(). shift: what its clock adds to the feed's. stay:
    whether it comes back after a loss; `losses` are the moments of the losses."""

    def __init__(self, url, feed, shift=0, stay=True, timeout=5.0):
        super().__init__(daemon=True)
        self.url, self.feed, self.shift, self.stay, self.timeout = url, feed, shift, stay, timeout
        self.losses, self.accepted, self.refused = [], [], []
        self.stopping = False
        self.client = None
        self.ready = threading.Event()

    def start(self):
        super().start()
        if not self.ready.wait(self.timeout * SCALE):
            raise AssertionError(f"{self.url} did not take the stream: {self.refused[-1:]}")
        return self

    def run(self):
        while not self.stopping:
            try:
                self._publish()
            except Refused as e:
                self.refused.append(str(e))
            except (Closed, Timeout, OSError) as e:
                if self.client and self.ready.is_set():
                    self.losses.append((time.monotonic(), str(e)))
            if self.client:
                self.client.close()
            if not self.stay and self.ready.is_set():
                return
            time.sleep(0.1)

    def _publish(self):
        self.client = None
        client = rtmp.Client(self.url, None, self.timeout)
        self.client = client
        client.connect()
        client.publish()
        self.accepted.append(time.monotonic())
        self.ready.set()
        i = self.feed.now()
        for m in self.feed.headers:
            self._send(client, m, (self.feed.get(i).ts if m.media else 0) + self.shift)
        while not self.stopping:
            self._until(client, self.feed.due(i))
            m = self.feed.get(i)
            self._send(client, m, m.ts + self.shift)
            i += 1
        client.unpublish()

    def _send(self, client, m, ts):
        body = m.payload
        if m.type == DATA:
            body = b"\x02\0\x0d@setDataFrame" + body
        client.send(Message(m.type, ts, client.sid, body, {AUDIO: 4, VIDEO: 6}.get(m.type, 3)))

    def _until(self, client, when):
        while not self.stopping:
            try:
                client.read(max(0, min(when - time.monotonic(), 0.1)))
            except Timeout:
                pass
            if time.monotonic() >= when:
                return

    def stop(self):
        self.stopping = True
        self.join(5)
        if self.client:
            self.client.close()
        return self

    close = stop


class Record:
    """What one viewer received: frames with the number they have in a feed."""

    def __init__(self, probe, feeds):
        self.probe = probe
        self.rows = []                  # (arrival, kind, ts, feed, number, is key frame)
        for m, h in zip(list(probe.messages), list(probe.hashes)):
            if not m.media or is_header(m):
                continue
            found = next(((f, f.find(h)) for f in feeds if f.find(h) is not None), (None, None))
            self.rows.append((m.at, m.type, m.ts, *found, is_keyframe(m)))

    def video(self):
        return [r for r in self.rows if r[1] == VIDEO]

    def gap_ms(self, since, until):
        """The longest time without a picture that ended in this span."""
        at = [r[0] for r in self.video()]
        return max(((b - a) * 1000 for a, b in zip(at, at[1:]) if since < b <= until), default=0.0)

    def check_order(self):
        """No foreign frame, no repeat, no picture that refers to a missing one, time never back.
        Returns the holes, each as (when the frame behind it came, how many frames are missing)."""
        last_ts, last_number, seen, holes = {}, {}, set(), []
        for at, kind, ts, feed, number, key in self.rows:
            if feed is None:
                raise AssertionError(f"a frame that nobody sent, at {ts}")
            if ts < last_ts.get(kind, 0):
                raise AssertionError(f"time goes back from {last_ts[kind]} to {ts}")
            if (id(feed), number) in seen:
                raise AssertionError(f"frame {number} came twice, at {ts} again")
            seen.add((id(feed), number))
            before = last_number.get((kind, id(feed)))
            if before is not None:
                if number < before:
                    raise AssertionError(f"frame {number} after frame {before}")
                lost = sum(feed.get(i).type == kind for i in range(before + 1, number))
                if lost and kind == VIDEO and not key:
                    raise AssertionError(f"frame {number} follows a hole of {lost} and is no key frame")
                if lost:
                    holes.append((at, lost))
            last_ts[kind], last_number[kind, id(feed)] = ts, number
        return holes

    def half_gops(self):
        """Pictures shown after a change of encoder before its first key frame."""
        bad, last = 0, None
        for _, _, _, feed, number, key in self.video():
            if feed is not last:
                bad += not key
                last = feed if key else last
        return bad

    def delay_ms(self, since, until):
        """How old frames were on arrival: the median over the span."""
        return _median([(r[0] - r[3].due(r[4])) * 1000 for r in self.video() if since < r[0] <= until])

    def distance_ms(self, since, until):
        """How far the stream's clock is behind the encoder's, up to a constant."""
        return _median([(r[3].due(r[4]) - r[3].t0) * 1000 + r[3].t0 * 1000 - r[2]
                        for r in self.video() if since < r[0] <= until])


def _median(values):
    if not values:
        raise AssertionError("no picture in that span")
    return sorted(values)[len(values) // 2]


def used(edge, name="x"):
    """The address that the edge pulls the stream from or pushes it to."""
    return ((edge.stream(name) or {}).get("relay") or {}).get("peer")


class Numbers:
    """What a case has measured, kept for the table: numbers.json in its folder.

    The table promises its bound for every value, unless the network is a bad one. The short form runs on machines that
    do other things: there it holds for the median of several values, and each may have met with a stall."""

    STALL_MS = 1500

    def __init__(self, t, row, bound):
        self.path, self.known = t.path("numbers.json"), {"row": row, "bound": bound, "series": {}}
        self.bounds = {}
        t.keep(self)

    @classmethod
    def most(cls, bound):
        """What a single value may be, in milliseconds."""
        return bound * SCALE + (cls.STALL_MS if SHORT else 0)

    def add(self, series, value, bound=None):
        self.known["series"].setdefault(series, []).append(round(value, 1))
        with open(self.path, "w") as f:
            json.dump(self.known, f)
        if bound is not None and not NETEM:
            self.bounds[series] = bound * SCALE
            most = self.most(bound)
            assert value <= most, f"{series}: {value:.0f}, at most {most:g} are allowed"
        return value

    def close(self):
        for series, bound in self.bounds.items():
            values = self.known["series"][series]
            assert sorted(values)[(len(values) - 1) // 2] <= bound, f"{series}: {values}, at most {bound:g} are allowed"


def own_network(*commands):
    """Moves this process, and what it starts from now on, into a network namespace of its own.
    To be called before any thread is started."""
    from .case import Skip
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):
        raise Skip("this machine forbids network namespaces")
    for command in ("ip link set lo up", *commands):
        try:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise Skip(f"{command.split()[0]} is not installed") from None
        if done.returncode:
            raise Skip(f"this machine forbids '{command}': {done.stderr.strip()}")


def network():
    """The network of a chaos case: loopback, or with TEST_NETEM a bad line of that description."""
    if NETEM:
        own_network("tc qdisc add dev lo root netem " + NETEM)
