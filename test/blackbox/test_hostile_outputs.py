"""Strangers at the outputs over HTTP: HLS, recordings, continuous formats, WebSocket. Whatever they ask for, memory is
bounded, those who watch are not disturbed, files stay where they belong, and the log does not fill."""
import base64
import contextlib
import json
import os
import select
import socket
import struct
import time
import urllib.parse

import topology as top
from siege import FLOOD, Siege, flood, read_all
from support import SCALE, hls, httpc, rtmp, websocket
from support.case import alone, limit
from support.server import wait_for

OUTPUTS = ("hls {{ enabled on; hls_path ./objs/nginx/html; hls_fragment 1; hls_window 10; {hls} }} "
           "dvr {{ enabled on; dvr_path ./rec/[app]/[stream].flv; dvr_apply none; }}")
LOW_LATENCY = "hls_ctx off; hls_low_latency on; hls_part 0.333;"
LOG_LINES = 1500


class Outputs(Siege):
    """A Siege whose stream is HLS, too, with somebody who watches that."""

    def __init__(self, t, more="hls_ctx off;", connections=1000):
        text = top.conf(OUTPUTS.format(hls=more)).replace("max_connections 1000;", f"max_connections {connections};")
        super().__init__(t, text, t.media(20, gop=1.0))
        url = self.s.web("/live/x.m3u8")
        if "hls_ctx off" not in more:
            url = hls.wait_master(url)
        hls.wait_list(url, 3)
        self.follower = t.keep(hls.Follower(url))
        self.follower.start()
        self.lines = self.s.log().count("\n")

    def held(self, grown_mb=40):
        seen = max(self.follower.bytes)
        wait_for(lambda: self.follower.problem or max(self.follower.bytes) >= seen + 2, 10, "segments for the player of HLS")
        self.follower.stop()
        numbers = sorted(self.follower.bytes)
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), numbers
        super().held(grown_mb)
        lines = self.s.log().count("\n") - self.lines
        assert lines < LOG_LINES * SCALE, f"{lines} lines in the log"


def connect(s, count, text=b""):
    socks = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", s.http), 10 * SCALE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(text)
        socks.append(sock)
    return socks


def close(socks):
    for sock in socks:
        sock.close()


def request(path, more="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode("latin-1")


def ask_all(s, requests, seconds=FLOOD):
    """These requests again and again over one connection, with all answers read; a new one when it is closed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.closing(rtmp.Conn(rtmp.dial("127.0.0.1", s.http))) as c:
            flood(c, b"".join(requests), deadline - time.monotonic())


def segment(s, url="/live/x.m3u8"):
    """The path of the newest segment."""
    found = hls.fetch_list(s.web(url))
    return urllib.parse.urlsplit(urllib.parse.urljoin(s.web(url), found.segments[-1].uri)).path


def players(s):
    """Players of HLS, of the first thousand clients."""
    return sum(c["type"] == "hls-play" for c in s.json("/api/v1/clients/?count=1000")["clients"])


# ---- requests ----

@alone
@limit(120)
def test_halves_of_requests_for_segments(t):
    """Hundreds of connections that have said half of a request for a segment, and say a byte more now and then, are cut in the
    end, and nobody notices them."""
    w = Outputs(t)
    socks = connect(w.s, 400, request(segment(w.s))[:-2])
    socks += connect(w.s, 200, b"GET /live/x.m3")
    deadline = time.monotonic() + FLOOD
    while time.monotonic() < deadline:
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.sendall(b"X")
        time.sleep(0.2)
    # The end of a request that says nothing more: 15 s.
    wait_for(lambda: w.s.descriptors <= w.files + 2, 30, "the end of the halves")
    close(socks)
    w.held()


@alone
@limit(120)
def test_playlists_with_invented_sessions(t):
    """Playlists asked for by thousands of sessions that nobody was given: memory and the log stay small, and the sessions that
    nobody asked with again are gone soon."""
    w = Outputs(t, "")
    requests = [request(f"/live/x.m3u8?hls_ctx={n:08x}") for n in range(4000)]
    requests += [request("/live/x.m3u8?hls_ctx=" + x) for x in ("", "..", "%00", "a" * 3000, "zzzzzzzz&hls_ctx=yyyyyyyy")]
    ask_all(w.s, requests)
    w.held()
    wait_for(lambda: players(w.s) == 0, 60, "the end of the sessions")


@alone
@limit(120)
def test_blocked_reloads_that_nobody_reads(t):
    """Hundreds of connections ask for what is yet to come, many times each, and never read: nobody waits for them."""
    w = Outputs(t, LOW_LATENCY)
    number = hls.fetch_list(w.s.web("/live/x.m3u8")).segments[-1].number
    many = b"".join(request(f"/live/x.m3u8?_HLS_msn={number + n}&_HLS_part={p}") for n in range(1, 5) for p in range(4))
    socks = connect(w.s, 300, many)
    far = connect(w.s, 100, b"".join(request(f"/live/x.m3u8?_HLS_msn={n}") for n in (10**6, 10**14, 10**15, -1)))
    read_all(far, FLOOD)
    with contextlib.closing(rtmp.Conn(rtmp.dial("127.0.0.1", w.s.http))) as c:
        flood(c, many, FLOOD, read=False)
    took = hls.blocked_reloads(w.s.web("/live/x.m3u8"), 20, lambda: (hls.fetch_list(w.s.web("/live/x.m3u8")).segments[-1].number + 1, 0))
    assert took["most"] < 1.0 * SCALE, took
    close(socks + far)
    w.held()


@alone
@limit(120)
def test_ranges_without_an_end(t):
    """Ranges by the thousand, of a segment and of a file: many in one, overlapping, huge, nonsense. Each has one answer."""
    w = Outputs(t)
    path = segment(w.s)
    specs = ["bytes=0-0", "bytes=-1", "bytes=0-", "bytes=" + ",".join(f"{n}-{n + 9}" for n in range(1000)), "bytes=9-1",
             "bytes=99999999999999999999-", "bytes=-99999999999999999999", "bytes=0-,0-,0-,0-", "octets=1-2", "bytes", "bytes=-", "bytes=a-b"]
    for spec in specs:
        answer = httpc.fetch(w.s.web(path), headers={"Range": spec})
        assert answer.status in (200, 206, 400, 416), (spec, answer.status)
        assert "multipart" not in answer.headers.get("content-type", ""), (spec, answer.headers)
    ask_all(w.s, [request(path, f"Range: {spec}\r\n") for spec in specs] +
            [request("/live/x.m3u8", "Range: bytes=0-3\r\nIf-None-Match: " + '"x",' * 500 + "\r\n")])
    w.held()


# ---- WebSocket ----

def lie(opcode, size, payload=b"", final=True, mask=True):
    """A frame that says so many bytes."""
    head = bytes([(0x80 if final else 0) | opcode, (0x80 if mask else 0) | (127 if size > 65535 else 126 if size > 125 else size)])
    return head + struct.pack(">Q" if size > 65535 else ">H", size)[:8 if size > 65535 else 2 if size > 125 else 0] + (
        b"abcd" if mask else b"") + payload


LIES = {
    "a frame of 2^63 bytes": lie(2, 1 << 63, b"x" * 1000),
    "a frame of 2^62 bytes": lie(2, 1 << 62, b"x" * 100000),
    "a ping of 126 bytes": lie(9, 126, b"x" * 126),
    "a ping in pieces": lie(9, 5, b"hello", final=False),
    "no mask": lie(2, 5, b"hello", mask=False),
    "reserved bits": b"\xf2\x80abcd",
    "an opcode that is none": b"\x83\x80abcd",
}


@alone
@limit(120)
def test_frames_that_lie(t):
    """Frames whose length, mask or kind is a lie end that connection alone; a message without an end, and pings whose answers nobody
    reads, do not fill memory."""
    w = Outputs(t)
    for what, text in LIES.items():
        c = t.keep(websocket.Client(w.s.web("/live/x.flv")))
        assert c.status == 101, c.head
        with contextlib.suppress(OSError):
            c.sock.sendall(text)

        def is_cut():
            try:
                c.frame()
            except (rtmp.Closed, ConnectionError):
                return True
        wait_for(is_cut, 10, f"the end of a client that sends {what}")
    for text in (lie(9, 100, b"p" * 100), lie(0, 1000, b"x" * 1000, final=False)) * 3:
        c = t.keep(websocket.Client(w.s.web("/live/x.flv")))
        flood(c, text * 100, FLOOD / 6, read=False)
        c.close()
    w.held()


# ---- names ----

NAMES = ["../../up", "..", "a/../../up", "%2e%2e%2fup", "..%2f..%2fup", "a%00b", "a\\..\\up", "-rf", ".hidden", "x" * 300, "a\nb",
         "a\x1b[31m", "ä" * 100, "a;b", "[seq]", "[stream]", "%s%n%x", "a?vhost=../up"]


def files_of(folder):
    return {os.path.join(d, f) for d, _, names in os.walk(folder) for f in names}


@alone
@limit(150)
def test_names_that_lead_elsewhere(t):
    """Streams of such names are refused, or their segments and recordings are below their folders; and no request by such
    a name is answered by a file from elsewhere."""
    w = Outputs(t)
    around = os.path.dirname(w.s.folder)
    before = {f for f in files_of(around) if not f.startswith(w.s.folder)}
    own = files_of(w.s.folder)
    publishers = []
    for url in [f"live/{name}" for name in NAMES] + [f"{app}/up" for app in ("..", "../..", "live/..", "%2e%2e")]:
        with contextlib.suppress(rtmp.Refused, rtmp.Closed, rtmp.Timeout):
            publishers.append(t.publish(w.s.url(url), t.media(3, gop=1.0), speed=None, loop=False))
        app, _, stream = url.partition("/")
        w.s.json(f"/api/v1/recordings?app={urllib.parse.quote(app)}&stream=" + urllib.parse.quote(stream), "POST")
    for name in NAMES:
        for form in (name, urllib.parse.quote(name, safe=""), urllib.parse.quote(urllib.parse.quote(name, safe=""), safe="")):
            for ending in ("", ".m3u8", "-0.ts", ".flv", ".mp4"):
                ask_name(w.s, f"/live/{form}{ending}")
    for p in publishers:
        p.stop()
    wait_for(lambda: w.s.descriptors <= w.files + 2, 15, "the end of the publishers")
    new = files_of(w.s.folder) - own
    assert any(f.startswith(w.s.folder + "/rec/") for f in new), "nothing was recorded"
    wrong = [f for f in new if not f.startswith((w.s.folder + "/objs/nginx/html/", w.s.folder + "/rec/"))]
    assert not [f for f in wrong if not f.endswith(".log")], wrong
    after = {f for f in files_of(around) if not f.startswith(w.s.folder)}
    assert not [f for f in after - before if "up" in os.path.basename(f)], after - before
    assert not any(c < 32 and c not in (10, 13) for c in w.s.log().encode()), "control characters in the log"
    w.held()


def ask_name(s, path):
    """Asks without reading more than the head; nothing may be from outside."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", s.http), 10 * SCALE)) as sock:
        sock.sendall(request(path, "Connection: close\r\n").replace(b"\n\r\n\r", b"\n\r"))
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        if poll.poll(1500 * SCALE):
            answer = sock.recv(65536)
            assert b"root:" not in answer and (not answer or answer.startswith(b"HTTP/1.1 ")), (path, answer[:200])


# ---- recordings ----

@limit(60)
def test_recordings_without_rights(t):
    """Who may not is told so: recordings are neither listed, begun nor ended, by strangers, users without the scope, or pages."""
    auth = "auth { enabled on; username admin; password geheim; user reader geheim read; }"
    text = top.conf(OUTPUTS.format(hls=""), api=False, top=f"http_api {{ enabled on; listen 127.0.0.1:$api; {auth} }}\n")
    s = t.server("srs", text)
    t.publish(s.url("live/x"), t.media(20, gop=1.0))
    url = s.api_url("/api/v1/recordings?app=live&stream=x")
    for user, listed, begun in ((None, 401, 401), ("admin:wrong", 401, 401), ("reader:geheim", 200, 403), ("admin:geheim", 200, 200)):
        headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
        assert httpc.fetch(url, headers=headers).status == listed, user
        for method in ("POST", "DELETE"):
            assert httpc.fetch(url, method, headers=headers).status == begun, (user, method)
        if begun != 200:
            assert not files_of(s.folder + "/rec"), user
    assert httpc.fetch(s.web("/api/v1/recordings?app=live&stream=x"), "POST").status in (401, 404)
    admin = {"Authorization": "Basic " + base64.b64encode(b"admin:geheim").decode()}
    foreign = httpc.fetch(url, "POST", headers={**admin, "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert foreign.status == 403, foreign.status
    assert json.loads(httpc.fetch(url, headers=admin).content)["recording"] == []


# ---- those who do not read ----

@alone
@limit(180)
def test_thousands_of_slow_readers(t):
    """Two thousand connections ask for segments, playlists and live formats, and read a byte now and then or nothing: nobody waits for them."""
    w = Outputs(t, "hls_ctx off;", connections=6000)
    path = segment(w.s)
    socks = []
    for what in (request(path) * 20, request("/live/x.m3u8") * 100, request("/live/x.flv"), request("/live/x.ts"), request("/live/x.mp4")):
        socks += connect(w.s, 400, what)
    deadline = time.monotonic() + 2 * FLOOD
    while time.monotonic() < deadline:
        for sock in socks[::7]:
            with contextlib.suppress(OSError):
                sock.recv(1)
        time.sleep(0.2)
    close(socks)
    w.held(200)
