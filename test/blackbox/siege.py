"""Innocent viewers of a server that is under attack, and tools of the attackers."""
import os
import select
import threading
import time

import topology as top
from support import SCALE, amf, httpc
from support.probe import Beat
from support.rtmp import COMMAND, VIDEO, Message
from support.server import wait_for


FLOOD = 3.0
HEADER = b"\x17\0\0\0\0\x01\x64\0\x1f\xff\xe1\0\x04\x67\x64\0\x1f\1\0\4\x68\xee\x3c\x80"


class Watch:
    """A server with an encoder and two players, and a look at whether they were disturbed."""

    def __init__(self, t, text=None, media=None):
        self.s = t.server("srs", text or top.local())
        self.beat = t.keep(Beat())
        self.publisher = t.publish(self.s.url("live/x"), media, mark=True)
        self.probes = [t.probe(self.s.url("live/x"), keep=False).wait_frames(20),
                       t.probe(self.s.flv("live/x"), keep=False).wait_frames(20)]
        self.rss, self.files = self.s.rss_kb, self.s.descriptors

    def fine(self, grown_kb=20000):
        for p in self.probes:
            p.wait_frames(20, after=time.monotonic())
            assert not p.missing(self.publisher.sent), str(p)
            assert p.largest_gap_ms() < 1000 * SCALE + self.beat.worst_ms, (p.gaps()[:2], self.beat.worst_ms)
        assert self.s.alive and not self.publisher.ended
        grown = self.s.rss_kb - self.rss
        assert grown < grown_kb * SCALE, f"{grown} KB more"
        wait_for(lambda: self.s.descriptors <= self.files + 1, 10, "the end of the bad connections")


class Siege(Watch):
    """The innocent ones of Watch, and somebody who asks the API all the time."""

    def __init__(self, t, text=None, media=None):
        # What a sanitizer keeps of freed memory is none of the server's.
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        super().__init__(t, text, media)
        self.times, self.peak, self.over = [], 0, False
        self.asker = threading.Thread(target=self.ask, daemon=True)
        self.asker.start()

    def ask(self):
        while not self.over:
            began = time.monotonic()
            status = httpc.fetch(self.s.api_url("/api/v1/versions"), timeout=20 * SCALE).status
            self.times.append(time.monotonic() - began if status == 200 else 99)
            self.peak = max(self.peak, self.s.rss_kb)
            time.sleep(0.02)

    @property
    def typical(self):
        return sorted(self.times)[len(self.times) // 2]

    def held(self, grown_mb=20):
        """The siege is over: nobody was hurt."""
        self.over = True
        self.asker.join(30 * SCALE)
        assert max(self.times) < 1.0 * SCALE + self.beat.worst_ms / 1000, f"the API needed {max(self.times):.1f} s"
        assert self.peak - self.rss < grown_mb * 1000 * SCALE, f"{(self.peak - self.rss) // 1000} MB more"
        self.fine(grown_mb * 1000)


def flood(c, block, seconds=FLOOD, read=True):
    """Sends the block again and again, whatever is answered; ends early when the server has enough."""
    deadline, at = time.monotonic() + seconds, 0
    view = memoryview(block)
    poll = select.poll()
    poll.register(c.sock, select.POLLOUT | (select.POLLIN if read else 0))
    try:
        while time.monotonic() < deadline:
            for _, events in poll.poll(100):
                if events & select.POLLOUT:
                    at = (at + c.sock.send(view[at:])) % len(block)
                if events & select.POLLIN and not c.sock.recv(1 << 18):
                    return
    except OSError:
        pass


def read_all(socks, seconds):
    """Takes whatever comes."""
    poll, by_fd = select.poll(), {s.fileno(): s for s in socks}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for fd, _ in poll.poll(100):
            try:
                by_fd[fd].recv(1 << 18)
            except OSError:
                poll.unregister(fd)


def command(c, *values, sid=1, csid=8):
    return c.writer.bytes(Message(COMMAND, 0, sid, amf.encode(*values), csid))


def session(t, w, path="live/x"):
    c = t.client(w.s.url(path)).connect()
    c.create_stream()
    return c


def hostile_stream(t, w, path, frames):
    """A publisher with a header, a key frame and these further messages."""
    p = t.client(w.s.url(path)).connect()
    p.publish()
    p.send(Message(VIDEO, 0, p.sid, HEADER, 6))
    for n, body in enumerate(frames):
        p.send(Message(VIDEO, n * 40, p.sid, body, 6), timeout=10 * SCALE)
    return p
