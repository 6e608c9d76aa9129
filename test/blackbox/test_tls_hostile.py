"""Strangers at TLS ports that do all they can to hurt, while others watch."""
import os
import random
import signal
import socket
import ssl
import sys
import threading
import time

from support import SCALE, httpc, tls
from support.case import limit
from support.flv import TOP
from support.server import wait_for
from test_tls import Viewers, https, rtmps, start


def test_new_keys_without_an_end(t):
    """Clients that send new keys as fast as they can, and nothing else, lose their connections; the API answers at once, and
    viewers see no gap."""
    s = start(t)
    t.publish(s.url("live/x"))
    viewers = Viewers(t, [rtmps(s), https(s)])
    floods = [t.spawn([sys.executable, os.path.join(TOP, "test", "support", "tls_flood.py"), str(port), "20"], f"flood-{i}")
              for i, port in enumerate((s.values["rtmps"], s.values["https"], s.api))]
    worst = 0
    while any(f.alive for f in floods):
        began = time.monotonic()
        assert httpc.fetch(s.api_url("/api/v1/versions")).status == 200
        worst = max(worst, time.monotonic() - began)
    for f in floods:
        assert f.output().startswith("ended "), f.output()
    assert worst < 1 * SCALE, worst
    viewers.check(1500)
    s.wait_log("sends nothing but new keys")


class Stranger(threading.Thread):
    """Does one thing again and again until it is told to end; what the server thinks of it is its own business."""

    def __init__(self, work, seed):
        super().__init__(daemon=True)
        self.work, self.random, self.over, self.count = work, random.Random(seed), False, 0

    def run(self):
        while not self.over:
            try:
                self.work(self.random)
            except (OSError, ValueError, httpc.HttpError):
                pass
            self.count += 1


def shaken(port, rnd):
    """A handshake of any kind: with or without a name, a ticket, of either version."""
    ctx = tls.context()
    if rnd.random() < 0.5:
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    name = rnd.choice([None, "localhost", "a" * 250, "*.two.example", "x.two.example", "\u00e9.example", "a.b.c.d.e"])
    sock = socket.create_connection(("127.0.0.1", port), 3)
    return ctx.wrap_socket(sock, server_hostname=name, suppress_ragged_eofs=True)


def leave_hello(port):
    def work(rnd):
        outgoing = ssl.MemoryBIO()
        hello = tls.context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
        try:
            hello.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = bytearray(outgoing.read())
        for _ in range(rnd.randrange(4)):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        with socket.create_connection(("127.0.0.1", port), 3) as sock:
            sock.sendall(data[:rnd.randrange(1, len(data) + 1)])
            if rnd.random() < 0.3:
                sock.settimeout(0.2)
                sock.recv(4096)
    return work


def leave_rudely(port, path):
    """A request, some of its answer, and a reset in the middle; or records that are changed."""
    def work(rnd):
        s = shaken(port, rnd)
        s.settimeout(1)
        s.sendall(f"{rnd.choice(['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE'])} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if rnd.random() < 0.7:
            s.recv(rnd.randrange(1, 60000))
        raw = socket.socket(fileno=s.detach())
        if rnd.random() < 0.5:
            raw.sendall(bytes([rnd.choice([20, 21, 22, 23, 24, 99]), 3, 3]) + rnd.randrange(65536).to_bytes(2, "big") +
                        rnd.randbytes(rnd.randrange(600)))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        raw.close()
    return work


def say_rubbish(port):
    def work(rnd):
        s = shaken(port, rnd)
        s.settimeout(0.5)
        try:
            s.sendall(rnd.choice([b"\3" + rnd.randbytes(1536), rnd.randbytes(3000), b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000,
                                  b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n" + rnd.randbytes(40)]))
            s.recv(100)
        finally:
            s.close()
    return work


@limit(90)
def test_strangers_of_every_kind_at_once(t):
    """Torn and changed hellos, changed records, resets, rubbish behind good handshakes, and reloads among them: for seconds, at
    all TLS ports; viewers see no gap, nothing is left open, and the log stays readable."""
    s = start(t)
    t.publish(s.url("live/x"), t.media(20))
    viewers = Viewers(t, [rtmps(s), https(s)])
    before = s.descriptors
    ports = (s.values["rtmps"], s.values["https"], s.api)
    works = [f(p) for p in ports for f in (leave_hello, say_rubbish)]
    works += [leave_rudely(p, path) for p in ports[1:] for path in ("/live/x.flv", "/api/v1/clients/", "/api/v1/raw?rpc=reload")]
    strangers = [Stranger(w, i) for i, w in enumerate(works)]
    for one in strangers:
        one.start()
    end = time.monotonic() + float(os.environ.get("STRANGERS", "4"))
    latest = end + 16 * SCALE       # where a busy machine gives them little time
    while time.monotonic() < end or (min(one.count for one in strangers) <= 3 and time.monotonic() < latest):
        tls.make_pair(os.path.join(s.folder, "a"), "localhost", rsa=random.random() < 0.5)
        s.signal(signal.SIGHUP)
        assert httpc.fetch(s.api_url("/api/v1/versions"), timeout=10).status == 200
    for one in strangers:
        one.over = True
    for one in strangers:
        one.join(10)
    assert min(one.count for one in strangers) > 3, [one.count for one in strangers]
    viewers.check(1500)
    wait_for(lambda: s.descriptors <= before + 4, 20, "the end of all of them")
    assert "\0" not in s.log()
