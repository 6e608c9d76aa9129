"""The HTTP server: files and live FLV."""
import os
import socket
import time

import topology as top
from support import SCALE, flv, httpc, rtmp, synth
from support.server import curl, seconds_of, within


def site(t):
    """A server with some files to serve and a secret beside them."""
    s = t.server("srs", top.local())
    root = os.path.join(s.folder, "objs", "nginx", "html")
    files = {"index.html": b"<h1>hello</h1>", "a.js": b"1;", "b.css": b"x{}", "c.m3u8": b"#EXTM3U\n",
             "d.ts": b"G" * 188, "e.bin": bytes(range(256)) * 40, "sp ace.txt": b"blank", "sub/index.html": b"sub"}
    os.makedirs(os.path.join(root, "sub"))
    for name, text in files.items():
        with open(os.path.join(root, name), "wb") as f:
            f.write(text)
    with open(os.path.join(s.folder, "secret.txt"), "wb") as f:
        f.write(b"top secret")
    os.symlink(os.path.join(s.folder, "secret.txt"), os.path.join(root, "link.txt"))
    return s, files


def test_files_and_their_types(t):
    """Files are served whole, with their length and their type; a folder by its index.html."""
    s, files = site(t)
    kinds = {"index.html": "text/html", "a.js": "javascript", "b.css": "text/css",
             "c.m3u8": "application/vnd.apple.mpegurl", "d.ts": "video/", "e.bin": "application/octet-stream"}
    for name, kind in kinds.items():
        r = httpc.fetch(s.web("/" + name))
        assert r.status == 200 and r.content == files[name], (name, r.status)
        assert kind.lower() in r.headers["content-type"].lower(), (name, r.headers)
    assert httpc.fetch(s.web("/")).content == files["index.html"]
    assert httpc.fetch(s.web("/sub/")).content == b"sub"
    assert httpc.fetch(s.web("/sp%20ace.txt")).content == b"blank"
    status, body, _ = curl(s.web("/e.bin"))
    assert status == 0 and body == files["e.bin"]


def test_head_of_a_file(t):
    """HEAD gives the head of a file and no body."""
    s, files = site(t)
    r = httpc.fetch(s.web("/e.bin"), "HEAD")
    assert r.status == 200 and r.content == b"" and r.headers["content-length"] == str(len(files["e.bin"])), r.headers


def test_halves_of_requests_do_not_wait(t):
    """A client whose kernel holds small writes back until the one before is acknowledged sends heads in pieces
    without waiting for a delayed acknowledgement."""
    s, _ = site(t)
    count = 50
    with socket.create_connection(("127.0.0.1", s.http), 10) as client:
        began = time.monotonic()
        for _ in range(count):
            client.sendall(b"GET /a.js HTTP/1.1\r\n")
            client.sendall(b"Host: h\r\n")
            client.sendall(b"\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\n1;"):
                piece = client.recv(4096)
                assert piece, answer
                answer += piece
        took = time.monotonic() - began
    assert took < count * 0.03 * SCALE, f"{took:.2f} s; acknowledgements are delayed by 0.04 s"


def test_missing_file_is_404(t):
    """What is not there is 404, and the server says so in words."""
    s, _ = site(t)
    for path in ("/nothing.html", "/sub/nothing", "/live/x.unknown"):
        r = httpc.fetch(s.web(path))
        assert r.status == 404 and r.content, (path, r.status)


def test_paths_do_not_escape(t):
    """No spelling of .. and no symbolic link leads out of dir."""
    s, _ = site(t)
    for path in ("/../../../secret.txt", "/..%2f..%2f..%2fsecret.txt", "/%2e%2e/%2e%2e/%2e%2e/secret.txt",
                 "/sub/../../../../secret.txt", "//etc/passwd", "/%00", "/.%2e/.%2e/.%2e/secret.txt",
                 "/%252e%252e/secret.txt", "/sub\\..\\..\\secret.txt", "/link.txt"):
        try:
            r = httpc.Response(s.web("/"), raw=f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        except rtmp.Closed:
            continue
        body = r.body()
        assert r.status in (400, 403, 404), (path, r.status)
        assert b"secret" not in body and b"root:" not in body, path


def test_ranges(t):
    """Ranges of a file: from, to, suffix; one that cannot be is 416."""
    s, files = site(t)
    whole = files["e.bin"]
    for spec, want in (("bytes=0-9", whole[:10]), ("bytes=100-", whole[100:]), ("bytes=-5", whole[-5:]),
                       ("bytes=10-99999999", whole[10:])):
        r = httpc.fetch(s.web("/e.bin"), headers={"Range": spec})
        assert r.status == 206 and r.content == want, (spec, r.status, len(r.content))
        first = len(whole) - len(want) if not spec.startswith("bytes=0") else 0
        assert r.headers["content-range"] == f"bytes {first}-{first + len(want) - 1}/{len(whole)}", r.headers
    r = httpc.fetch(s.web("/e.bin"), headers={"Range": "bytes=999999-"})
    assert r.status == 416, r.status


def test_several_requests_on_one_connection(t):
    """Requests in one connection are answered one after the other, or the connection is closed as announced."""
    s, files = site(t)
    one = b"GET /a.js HTTP/1.1\r\nHost: x\r\n\r\n"
    r = httpc.Response(s.web("/"), raw=one + one)
    assert r.body() == files["a.js"]
    if r.headers.get("connection", "").lower() != "close":
        r.ended = r.clean = False
        assert r.read_head().status == 200


def test_cors(t):
    """A request with an Origin is told that every origin may; OPTIONS is answered."""
    s, _ = site(t)
    t.publish(s.url("live/x"))
    page = {"Origin": "http://page.example"}
    assert httpc.fetch(s.web("/a.js"), headers=page).headers["access-control-allow-origin"] == "*"
    r = httpc.Response(s.flv("live/x"), headers=page)
    assert r.status == 200 and r.headers["access-control-allow-origin"] == "*"
    r.close()
    r = httpc.fetch(s.flv("live/x"), "OPTIONS", headers=page)
    assert r.status in (200, 204) and "access-control-allow-methods" in r.headers, r.headers
    assert httpc.fetch(s.api_url("/api/v1/versions"), headers=page).headers["access-control-allow-origin"] == "*"


def test_flv_on_a_clustered_origin_is_404(t):
    """HTTP-FLV of a stream that a clustered origin lacks is 404; of one that it has it is served."""
    s = top.start_clustered(t, top.not_listening(), name="srs")

    def refused():
        assert httpc.fetch(s.flv("live/x")).status == 404
    within(2, lambda: seconds_of(refused))
    publisher = t.publish(s.url("live/x"))
    p = t.probe(s.flv("live/x")).wait_frames(40)
    flv.assert_same(publisher.sent, list(p.messages), least=30)


def test_flv_head_comes_after_a_second_of_waiting(t):
    """While a player waits for the publisher, the head of the answer goes out after one second."""
    s = t.server("srs", top.local())
    r = httpc.Response(s.flv("live/x"), timeout=4)
    assert r.status == 200 and time.monotonic() - r.t0 > 0.7
    publisher = t.publish(s.url("live/x"))
    reader = flv.FlvReader()
    got = []
    while len(flv.frames(got)) < 30:
        got += reader.feed(r.read())
    flv.assert_same(publisher.sent, got, least=20)
    r.close()


def test_head_of_a_live_stream_is_answered_as_get(t):
    """HEAD of a live stream is answered as GET would be, without a body; one pull serves both."""
    origin = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, origin)
    t.publish(origin.url("live/x"))
    asked = len(origin.connects)
    r = httpc.fetch(edge.flv("live/x"), "HEAD")
    assert r.content == b"" and r.status == 200 and r.headers["content-type"] == "video/x-flv", r.status
    status, _, _ = curl(edge.flv("live/x"), "-I")
    assert status == 0
    t.probe(edge.flv("live/x")).wait_frames(10)
    assert len([p for p in origin.plays if p.stream == "x"]) == 1 and len(origin.connects) <= asked + 2


def test_head_of_a_stream_that_is_elsewhere_or_nowhere(t):
    """HEAD is redirected where GET is, and 404 where GET is."""
    a, b = top.start_origins(t)
    t.publish(b.url("live/x"))
    for method in ("HEAD", "GET"):
        r = httpc.Response(a.flv("live/x"), method)
        assert r.status == 302 and r.headers["location"].startswith("http://"), (method, r.status)
        assert method == "GET" or r.read() == b""
        r.close()
        r = httpc.fetch(a.flv("live/none"), method)
        assert r.status == 404 and (method == "GET" or r.content == b""), (method, r.status, r.content)


def test_flv_is_503_when_no_origin_is_there(t):
    """An edge none of whose origins answers tells an HTTP viewer so, and when to come again."""
    edge = t.server("edge", top.edge("127.0.0.1:1", more="upstream_start_timeout 0.5;"))
    for method in ("GET", "HEAD"):
        r = httpc.fetch(edge.flv("live/x"), method)
        assert r.status == 503 and int(r.headers["retry-after"]) > 0, (method, r.status, r.headers)


def test_flv_is_503_at_once_when_all_origins_refuse(t):
    """An edge that has asked all of its origins in vain says so, long before upstream_start_timeout."""
    edge = t.server("edge", top.edge("127.0.0.1:1 127.0.0.1:2", more="upstream_start_timeout 20;"))
    for method in ("GET", "HEAD"):
        began = time.monotonic()
        r = httpc.fetch(edge.flv("live/x"), method, timeout=15)
        took = time.monotonic() - began
        assert r.status == 503 and int(r.headers["retry-after"]) > 0, (method, r.status, r.headers)
        assert took < 4 * SCALE, took


def test_flv_kind_that_comes_later_is_sent(t):
    """Pictures that begin seconds after the sound are sent although the head could not announce them."""
    s = t.server("srs", top.local())
    media = [m for m in synth.stream("hvc1", "aac", seconds=6) if m.type == rtmp.AUDIO or m.ts >= 2000]
    header = synth.stream("hvc1", None, seconds=1)[0]
    media.insert(next(n for n, m in enumerate(media) if m.type == rtmp.VIDEO), rtmp.Message(rtmp.VIDEO, 2000, 1, header.payload))
    t.publish(s.url("live/x"), media, loop=False)
    r = httpc.Response(s.flv("live/x"))
    reader, got = flv.FlvReader(), []
    while not any(m.type == rtmp.VIDEO and not rtmp.is_header(m) for m in got):
        got += reader.feed(r.read())
    assert reader.flags == 4, reader.flags
    r.close()


def test_flv_over_http_1_0(t):
    """A client that speaks HTTP/1.0 gets the stream without chunks."""
    s = t.server("srs", top.local())
    publisher = t.publish(s.url("live/x"))
    r = httpc.Response(s.web("/"), raw=b"GET /live/x.flv HTTP/1.0\r\nHost: x\r\n\r\n")
    assert r.status == 200 and not r.chunked, r.headers
    reader, got = flv.FlvReader(), []
    while len(flv.frames(got)) < 30:
        got += reader.feed(r.read())
    flv.assert_same(publisher.sent, got, least=20)
    r.close()


def test_mount_patterns(t):
    """http_remux serves under the mount pattern that is configured."""
    text = top.local().replace("[vhost]/[app]/[stream].flv", "/media/[app]/x/[stream].flv")
    s = t.server("srs", text)
    t.publish(s.url("live/x"))
    t.probe(s.flv("media/live/x/x")).wait_frames(10)
    assert httpc.fetch(s.flv("live/x")).status == 404


def test_flv_of_audio_only(t):
    """A stream without video is served, and its header says so."""
    s = t.server("srs", top.local())
    publisher = t.publish(s.url("live/x"), t.media(video=False))
    publisher.wait_sent(20)
    p = t.probe(s.flv("live/x")).wait_frames(40)
    assert p.flv.flags == 4, p.flv.flags
    assert {m.type for m in p.frames()} == {rtmp.AUDIO}
