"""Long lists of the API: how much they take, and who waits for them."""
import json
import socket
import time

import topology as top
from support import SCALE, httpc
from support.case import limit
from support.flv import frames
from support.server import SMALL_QUARANTINE, wait_for

ONE_PORT = "http_api { enabled on; listen 127.0.0.1:$http; }\n"
PAGE = "http://pages.example/" + "p" * 3000
VIEWERS, ASKERS = 500, 300


def request(s, target, **headers):
    lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    return f"GET {target} HTTP/1.1\r\nHost: {s.http_address}\r\n{lines}\r\n".encode()


def viewers(t, s, count):
    """HTTP viewers with long addresses of pages, who read nothing further."""
    text = request(s, "/live/x.flv", Referer=PAGE)
    for _ in range(count):
        v = socket.create_connection(("127.0.0.1", s.http), 5 * SCALE)
        t.keep(v)
        v.sendall(text)
    wait_for(lambda: clients(s) > count, 20, "all viewers")


def clients(s):
    """How many there are."""
    r = httpc.fetch(f"http://{s.http_address}/api/v1/vhosts", timeout=20)
    return sum(v["clients"] for v in json.loads(r.content)["vhosts"])


def frame_count(probe):
    return len(frames(probe.messages))


@limit(90)
def test_unread_lists_take_little_and_keep_nobody_waiting(t):
    """Hundreds of callers that ask for everything and read nothing: memory is bounded, questions of coworkers and the stream go on."""
    s = t.server("srs", top.conf("", api=False, top=ONE_PORT).replace("max_connections 1000", "max_connections 2000"), env=SMALL_QUARANTINE)
    t.publish(s.url("live/x"))
    s.wait_log("publishing /live/x")
    viewers(t, s, VIEWERS)
    probe = t.probe(s.url("live/x")).wait_frames(10)
    before = s.rss_kb
    text = request(s, "/api/v1/clients?count=10000")
    for _ in range(ASKERS):
        asker = socket.socket()
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asker.settimeout(5 * SCALE)
        asker.connect(("127.0.0.1", s.http))
        t.keep(asker)
        asker.sendall(text)
    longest = 0
    query = "/api/v1/clusters?vhost=__defaultVhost__&ip=127.0.0.1&app=live&stream=x&coworker=127.0.0.1:1"
    so_far = frame_count(probe)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        began = time.monotonic()
        assert httpc.fetch(f"http://{s.http_address}{query}", timeout=30).status == 200
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.02)
    grown = (s.rss_kb - before) / 1024
    what = (f"{ASKERS} unread lists of {VIEWERS} clients: +{grown:.0f} MB, longest question {longest * 1000:.0f} ms, "
            f"{frame_count(probe) - so_far} frames in 5 s")
    print(what)
    assert longest < 2 * SCALE, what
    assert grown < 160 * SCALE, what
    assert not probe.ended and frame_count(probe) - so_far > 100
