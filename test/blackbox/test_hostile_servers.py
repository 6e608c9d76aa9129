"""Other servers that do all they can to hurt: relays with APIs, coworkers, origins of an edge."""
import json
import signal
import threading
import time

import topology as top
from siege import FLOOD, HEADER, Siege
from support import SCALE, amf, httpc, rtmp
from support.case import alone
from support.rtmp import VIDEO
from support.server import wait_for


def tree(relay, below, **more):
    """The answer of a relay about its streams: one tree, with that text below its root."""
    root = json.dumps({"node": "n" + relay, "relay": relay, "known": True, "viewers": 1, **more})
    return b'{"code":0,"streams":[{"stream":"/live/x","origin":%s,"relays":[%s]}}]}' % (root[:-1].encode(), below)


def fake_relay(t, s, n, body):
    """A relay with an API that answers each request with that body."""
    def handler(sock):
        sock.settimeout(10 * SCALE)
        while True:
            if not sock.recv(65536):
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    c = t.client(s.url("live/x"))
    c.connect(args={"srs_pid": 7.0, "srs_id": f"r{n}", "srs_node": f"node{n}",
                    "srs_api": float(t.listen(handler).port)})
    c.play()


def rubbish_of(n):
    """Wide, deep, and what just fits a limit, by turns."""
    relay, deep = f"r{n}", 30
    return (b'{"code":0,"streams":[%s[]]}' % (b"[]," * 690_000),
            tree(relay, b",".join([b"{}"] * 690_000)),
            tree(relay, b",".join([b'{"known":true,"viewers":1,"relays":[]}'] * 6500)),
            tree(relay, (b'{"viewers":1,"relays":[' * deep + b"]}" * deep + b",") * 200 + b"{}"),
            tree(relay, b",".join([b'{"why":"%s"}' % (b"y" * 300)] * 800), why="w" * 300))[n % 5]


@alone
def test_relays_that_answer_too_much(t):
    """Relays whose APIs answer rubbish by the megabyte fill no memory and hold nobody up, and an honest one beside
    them is shown."""
    w = Siege(t)
    edge = top.start_edge(t, w.s)
    t.probe(edge.url("live/x"), keep=False).wait_frames(5)
    honest = edge.json("/api/v1/versions")["service"]
    for n in range(30):
        fake_relay(t, w.s, n, rubbish_of(n))
    views, failed = [], []

    def look():
        try:
            for _ in range(5):
                views.append(httpc.fetch_json(w.s.api_url("/api/v1/clusters/streams"), timeout=30 * SCALE))
        except Exception as e:  # pylint: disable=broad-except
            failed.append(e)
    lookers = [threading.Thread(target=look) for _ in range(4)]
    for thread in lookers:
        thread.start()
    for thread in lookers:
        thread.join()
    w.over = True
    assert not failed, failed[0]
    for view in views:
        found, = view["streams"]
        shown, = [r for r in found["origin"]["relays"] if r["node"] == honest]
        assert shown["known"] and shown["viewers"] == 1, shown
        assert found["left_out"] > 0, found["left_out"]
        assert all(r["why"] for r in found["origin"]["relays"] if not r["known"]), "why it is not there"
    for thing in t.things:
        if isinstance(thing, rtmp.Conn):
            thing.close()
    w.asker.join(30 * SCALE)
    assert max(w.times) < 1.0 * SCALE, f"the API needed {max(w.times):.1f} s"
    assert w.peak - w.rss < 100_000 * SCALE, f"{(w.peak - w.rss) // 1000} MB more"


def test_many_honest_relays(t):
    """More relays than are asked at once are all asked and shown, when they come from where cluster.relays allows."""
    many = 270
    s = t.server("srs", top.conf("cluster { relays 127.0.0.1; query_timeout 10000; }"))
    t.publish(s.url("live/x"))
    for n in range(many):
        fake_relay(t, s, n, tree(f"r{n}", b'{"known":true,"viewers":2,"relays":[]}'))
    wait_for(lambda: len(s.clients()) == many + 1, 20, "them all")
    view = s.json("/api/v1/clusters/streams")
    found, = view["streams"]
    assert (found["nodes"], found["unknown"], found["left_out"], view["left_out"]) == (2 * many + 1, 0, 0, 0), \
        {k: v for k, v in found.items() if k != "origin"}
    assert found["viewers_total"] == 3 * many


def test_upstream_that_never_shuts_up(t):
    """An origin that floods its edge with messages before and instead of media starves nobody."""
    body = amf.encode("x", 0)
    tiny = b"\x03\0\0\0" + len(body).to_bytes(3, "big") + b"\x14\0\0\0\0" + body + (b"\xc3" + body) * 20000

    def origin(sock):
        try:
            sock.recv(4096)
            sock.sendall(b"\x03" + b"\0" * 3072)
            end = time.monotonic() + FLOOD
            while time.monotonic() < end:
                sock.sendall(tiny)
        except OSError:
            pass
    evil = t.listen(origin)
    good = t.server("good", top.local())
    s = t.server("edge", top.conf(f"cluster {{ mode remote; origin 127.0.0.1:{good.rtmp}; }}") +
                 f"vhost evil {{ cluster {{ mode remote; origin 127.0.0.1:{evil.port}; }} }}\n")
    t.publish(good.url("live/x"))
    probe = t.probe(s.url("live/x"), keep=False).wait_frames(20)
    victims = []
    for n in range(3):
        c = t.client(s.url(f"live/v{n}?vhost=evil")).connect()
        c.play()
        victims.append(c)
    time.sleep(FLOOD / 2)
    probe.wait_frames(20, after=time.monotonic())
    assert probe.largest_gap_ms() < 1000 * SCALE, probe.gaps()[:2]
    for c in victims:
        c.close()


def test_http_flv_origin_without_a_pause(t):
    """An origin whose stream never pauses is left all the same: when nobody watches, and when the edge ends."""
    left = threading.Semaphore(0)

    def tag(body, ts):
        return (b"\x09" + len(body).to_bytes(3, "big") + ts.to_bytes(3, "big") + b"\0\0\0\0" + body +
                (11 + len(body)).to_bytes(4, "big"))
    key, rest = tag(b"\x17\1\0\0\0" + b"k" * 100, 0), tag(b"\x27\1\0\0\0" + b"x" * 1000, 40) * 1000

    def origin(sock):
        try:
            sock.recv(4096)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n"
                         b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + tag(HEADER, 0) + key)
            while True:
                sock.sendall(rest)
        except OSError:
            left.release()
    evil = t.listen(origin)
    s = top.start_edge(t, evil, more="protocol flv; linger 1;", play="queue_length 1;")
    t.probe(s.url("live/x"), keep=False).wait_frames(1).stop()
    assert left.acquire(timeout=10 * SCALE), "the pull goes on without viewers"
    t.probe(s.url("live/x"), keep=False).wait_frames(1)
    s.stop()
    assert left.acquire(timeout=10 * SCALE), "the pull goes on although the edge has ended"


def test_pull_begun_under_an_older_configuration(t):
    """A pull that a session from before a reload has begun outlives that session."""
    origin = t.server("origin", top.local())
    s = top.start_edge(t, origin, more="linger 1;")
    publisher = t.publish(origin.url("live/x"), mark=True)
    c = t.client(s.url("live/x")).connect()
    s.write_conf(s.conf.replace("linger 1", "linger 2"))
    s.signal(signal.SIGHUP)
    s.wait_log("the new configuration is in use")
    c.play()
    c.wait(lambda m: m.type == VIDEO)
    probe = t.probe(s.url("live/x"), keep=False).wait_frames(5)
    c.close()
    probe.wait_frames(20, after=time.monotonic())
    assert not probe.missing(publisher.sent), str(probe)
    probe.stop()
    publisher.stop()
    wait_for(lambda: "pull ended" in s.log(), 10, "the end of the pull")
