"""Strangers at the port of SRT: floods of handshakes and of noise. Nobody else notices, memory and the log stay small."""
import contextlib
import os
import random
import socket
import struct
import time

import topology as top
from siege import FLOOD, Siege
from support import SCALE, srt
from support.case import alone, limit
from support.server import wait_for

INDUCTION, CONCLUSION = 1, 0xFFFFFFFF
LOG_LINES = 1500


class Port(Siege):
    """A Siege at a server that has SRT, too, with an encoder that publishes by it."""

    def __init__(self, t):
        srt.need(t)
        super().__init__(t, top.conf(srt.VHOST % "", top=srt.SERVER % ""))
        self.media = srt.media_file(t)
        srt.ffmpeg(t, self.media, srt.publish_url(self.s))
        self.s.wait_live("a", 20)
        self.player = t.probe(self.s.flv("live/a"), keep=False).wait_frames(20)
        self.rss, self.files = self.s.rss_kb, self.s.descriptors
        self.lines = self.s.log().count("\n")

    def held(self, grown_mb=40):
        self.player.wait_frames(20, after=time.monotonic())
        assert srt.call(self.s, "#!::r=live/a,m=request", hold=1)["connected"], "a caller is not let in any more"
        self.player.stop()
        wait_for(lambda: self.s.descriptors <= self.files + 1, 10, "the end of that caller and player")
        super().held(grown_mb)
        lines = self.s.log().count("\n") - self.lines
        assert lines < LOG_LINES * SCALE, f"{lines} lines in the log"


def handshake(kind, cookie=0, window=8192, mss=1500, version=5, extension=0, more=b""):
    """A handshake of a caller with a random id."""
    head = struct.pack(">IIII", 0x80000000, 0, 0, 0)
    return head + struct.pack(">IHHIIIIII", version, 0, extension, random.getrandbits(31), mss, window, kind,
                              random.getrandbits(30) + 1, cookie) + bytes(16) + more


def send_all(s, make, seconds=FLOOD):
    """As many datagrams as go, from several ports."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(8)]
        for sock in socks:
            sock.connect(("127.0.0.1", s.srt))
            sock.setblocking(False)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for sock in socks:
                with contextlib.suppress(OSError):
                    sock.send(make())
                with contextlib.suppress(OSError):
                    sock.recv(2048)
            time.sleep(0.0002)


@alone
@limit(150)
def test_floods_of_handshakes(t):
    """Inductions without an end, conclusions with cookies that nobody was given, windows and packets of any size."""
    w = Port(t)
    stream_id = b"#!::r=live/a,m=publish"
    extension = struct.pack(">HH", 5, 255) + stream_id
    kinds = [lambda: handshake(INDUCTION, version=4, extension=2),
             lambda: handshake(CONCLUSION, random.getrandbits(32), extension=5, more=extension),
             lambda: handshake(CONCLUSION, random.getrandbits(32), window=0xFFFFFFFF, mss=0xFFFFFFFF),
             lambda: handshake(INDUCTION, window=0x7FFFFFFF), lambda: handshake(INDUCTION, mss=1),
             lambda: handshake(random.getrandbits(32))[:random.randrange(16, 80)]]
    send_all(w.s, lambda: random.choice(kinds)(), 2 * FLOOD)
    w.held()


@alone
@limit(150)
def test_noise_at_the_port(t):
    """Datagrams that are nothing, control packets and data for connections that there are and that there are not."""
    w = Port(t)

    def noise():
        what = random.randrange(4)
        if what == 0:
            return os.urandom(random.randrange(1, 1456))
        front = 0x80000000 | random.randrange(9) << 16 if what < 3 else random.getrandbits(31)
        return struct.pack(">IIII", front, random.getrandbits(32), 0, random.getrandbits(30)) + os.urandom(random.randrange(0, 1400))
    send_all(w.s, noise, 2 * FLOOD)
    w.held()
