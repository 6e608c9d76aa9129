"""A peer that does all it can to hurt: an innocent stream on the same server plays on, the API
answers, memory stays bounded."""
import json
import os
import random
import select
import signal
import socket
import threading
import time

import topology as top
from support import SCALE, amf, httpc, rtmp
from support.rtmp import COMMAND, VIDEO, Closed, Message
from support.server import wait_for
from test_badinput import Watch

FLOOD = 3.0
HEADER = b"\x17\0\0\0\0\x01\x64\0\x1f\xff\xe1\0\x04\x67\x64\0\x1f\1\0\4\x68\xee\x3c\x80"


class Siege(Watch):
    """The innocent ones of Watch, and somebody who asks the API all the time."""

    def __init__(self, t):
        # What a sanitizer keeps of freed memory is none of the server's.
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        super().__init__(t)
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


def has_keepalive(port):
    """The kernel itself asks the peers of this port whether they are there (/proc/net/tcp: timer 2)."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return any(r[3] == "01" and r[1].endswith(f":{port:04X}") and r[5].startswith("02:") for r in rows)


def test_player_that_waits(t):
    """A player of a stream that is not there is watched by the kernel: asked nothing, it may talk, at no cost."""
    s = t.server("srs", top.local("stalled_timeout 1;"))
    c = t.client(s.url("live/nothing"))
    c.connect()
    c.play()
    wait_for(lambda: has_keepalive(s.rtmp), 5 * SCALE, "the kernel watches the player")
    c.control(rtmp.ACK, 1)
    cpu, began = s.cpu_seconds, time.monotonic()
    # Time is the subject: more of it than stalled_timeout.
    wait_for(lambda: time.monotonic() - began > 2, 10, "two seconds")
    used = (s.cpu_seconds - cpu) / (time.monotonic() - began)
    assert used < 0.1 * SCALE, f"{used:.0%} of a core"
    c.user(rtmp.PING, 7)
    answer = c.read()
    while answer.type != rtmp.USER or answer.event[0] != rtmp.PONG:
        answer = c.read()
    assert c.pings == 0, "it was pinged"
    c.close()


def test_player_of_many_small_commands(t):
    """A player that sends tiny commands as fast as it can starves nobody."""
    w = Siege(t)
    c = session(t, w)
    c.play()
    body = amf.encode("x", 0)
    c.send(Message(COMMAND, 0, 1, body, 3))
    flood(c, (b"\xc3" + body) * 20000)
    c.close()
    w.held()


def test_dialogue_without_an_end(t):
    """Commands before connect and before play, without end, starve nobody."""
    w = Siege(t)
    body = amf.encode("x", 0)
    for connected in (False, True):
        c = t.client(w.s.url("live/x"))
        if connected:
            c.connect()
        c.send(Message(COMMAND, 0, 0, body, 3))
        flood(c, (b"\xc3" + body) * 20000, FLOOD / 2)
        c.close()
    w.held()


def test_play_and_close_in_a_loop(t):
    """Play and closeStream in a loop on a stream with a large GOP starve nobody."""
    w = Siege(t)
    rng = random.Random(1)
    p = hostile_stream(t, w, "live/big", [b"\x17\1\0\0\0" + rng.randbytes(3_000_000)] +
                       [b"\x27\1\0\0\0" + rng.randbytes(3_000_000) for _ in range(9)])
    c = session(t, w, "live/big")
    flood(c, (command(c, "play", 0, None, "big") + command(c, "closeStream", 0, None)) * 2000)
    c.close()
    p.close()
    w.held(150)


def test_headers_asked_for_again_and_again(t):
    """Players that switch video off and on, and do not read, do not fill the memory with headers."""
    w = Siege(t)
    p = hostile_stream(t, w, "live/heads", [])
    p.send(Message(VIDEO, 0, p.sid, b"\x17\0\0\0\0" + b"h" * 900_000, 6), timeout=10 * SCALE)
    p.send(Message(VIDEO, 0, p.sid, b"\x17\1\0\0\0" + b"k" * 100, 6))
    players = []
    for _ in range(10):
        c = t.client(w.s.url("live/heads"), rcvbuf=4096).connect()
        c.play()
        toggle = command(c, "receiveVideo", 0, None, False) + command(c, "receiveVideo", 0, None, True)
        flood(c, toggle * 300, 0.3, read=False)
        players.append(c)
    for c in players:
        c.close()
    p.close()
    w.held(80)


def test_times_at_random(t):
    """A stream of tiny messages with random times, and its players, starve nobody."""
    w = Siege(t)
    rng = random.Random(2)
    p = hostile_stream(t, w, "live/times", [b"\x17\1\0\0\0" + b"k" * 100])
    probes = [t.probe(url, keep=False) for url in (w.s.url("live/times"), w.s.url("live/times"), w.s.flv("live/times"))]
    flood(p, b"".join(p.writer.bytes(Message(VIDEO, rng.randrange(1 << 32), p.sid, b"\x27\1\0\0\0", 6))
                      for _ in range(20000)), FLOOD / 2)
    p.close()
    for probe in probes:
        probe.stop()
    w.held(300)


def test_empty_messages(t):
    """Messages of nothing, one byte each on the wire, cost no more than the limits of a stream."""
    w = Siege(t)
    p = hostile_stream(t, w, "live/empty", [b"\x17\1\0\0\0" + b"k" * 100])
    probe = t.probe(w.s.url("live/empty"), keep=False)
    p.send(Message(VIDEO, 0, p.sid, b"", 7))
    flood(p, b"\xc7" * 200_000, FLOOD / 2)
    p.close()
    probe.stop()
    w.held(400)


def test_flood_that_is_kicked(t):
    """A publisher that never pauses is ended by a kick all the same, whatever the size of its messages."""
    w = Siege(t)
    for n, body in enumerate((b"", b"\x27\1\0\0\0" + b"x" * 1000)):
        before = {c["id"] for c in w.s.clients()}
        p = hostile_stream(t, w, f"live/flood{n}", [b"\x17\1\0\0\0" + b"k" * 100])
        p.send(Message(VIDEO, 0, p.sid, body, 7))
        thread = threading.Thread(target=flood, args=(p, (b"\xc7" + body) * 200, 30 * SCALE), daemon=True)
        thread.start()
        kicked, = [c["id"] for c in w.s.clients() if c["id"] not in before]
        assert w.s.json(f"/api/v1/clients/{kicked}", "DELETE")["code"] == 0
        thread.join(5 * SCALE)
        assert not thread.is_alive(), "it goes on"
        p.close()
    w.held(400)


def test_relays_and_tiny_messages(t):
    """A burst of tiny messages is not a send for each of them and each relay: nobody else feels it."""
    w = Siege(t)
    p = hostile_stream(t, w, "live/tiny", [b"\x17\1\0\0\0" + b"k" * 100])
    relays = []
    for _ in range(64):
        c = t.client(w.s.url("live/tiny"))
        c.connect(args={"srs_pid": 7.0})
        c.play()
        relays.append(c)
    reader = threading.Thread(target=read_all, args=([c.sock for c in relays], FLOOD), daemon=True)
    reader.start()
    p.send(Message(VIDEO, 0, p.sid, b"", 7))
    flood(p, b"\xc7" * 200_000, FLOOD)
    reader.join(30 * SCALE)
    for c in (p, *relays):
        c.close()
    w.held(400)
    assert w.typical < 0.05 * SCALE, f"the API usually needed {w.typical * 1000:.0f} ms"


def test_requests_in_one_go(t):
    """Thousands of pipelined requests, and their answers unread, starve nobody."""
    w = Siege(t)
    for port in (w.s.api, w.s.http):
        c = rtmp.Conn(rtmp.dial("127.0.0.1", port))
        flood(c, b"GET /api/v1/streams/ HTTP/1.1\r\nHost: x\r\n\r\n" * 5000, FLOOD / 2)
        c.close()
        c = rtmp.Conn(rtmp.dial("127.0.0.1", port, rcvbuf=4096))
        flood(c, b"HEAD /live/x.flv HTTP/1.1\r\nHost: x\r\n\r\n" * 5000, FLOOD / 2, read=False)
        c.close()
    w.held()


def tree(relay, below, **more):
    """What a relay answers to the question for its streams: one tree, with that text as what is below its root."""
    root = json.dumps({"node": "n" + relay, "relay": relay, "known": True, "viewers": 1, **more})
    return b'{"code":0,"streams":[{"stream":"/live/x","origin":%s,"relays":[%s]}}]}' % (root[:-1].encode(), below)


def fake_relay(t, s, n, body):
    """Says that it is a relay with an API, and answers each question there with that body."""
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


def test_relays_that_answer_too_much(t):
    """Relays whose APIs answer rubbish by the megabyte fill no memory and hold nobody up, and an honest one beside
    them is shown."""
    w = Siege(t)
    edge = t.server("edge", top.edge(f"127.0.0.1:{w.s.rtmp}"))
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
    wait_for(lambda: len(s.clients()) >= 10, 5 * SCALE, "them all")
    view = s.json("/api/v1/clusters/streams")
    found, = view["streams"]
    assert (found["nodes"], found["unknown"], found["left_out"], view["left_out"]) == (2 * many + 1, 0, 0, 0), \
        {k: v for k, v in found.items() if k != "origin"}
    assert found["viewers_total"] == 3 * many


def test_odd_names(t):
    """Names with line ends, quotes, NUL and bytes that are no text break neither log nor API nor redirect."""
    w = Watch(t)
    names = ["a\r\nSet-Cookie: x=1", 'q"\\\'<>', "t\tb", "x\x1b[31m", "é\u2028", "%0d%0aX: y", "../../etc/passwd",
             "n" * 3000, "?vhost=\r\n", "[2026-01-01][ERROR] forged"]
    for n, name in enumerate(names):
        p = t.client(w.s.url("live/odd"))
        p.connect()
        try:
            p.publish(name + str(n))
        except (rtmp.Refused, Closed):
            pass
        for path in ("/api/v1/streams/", "/api/v1/clients/", "/api/v1/vhosts/"):
            w.s.json(path)
        p.close()
    for body in (b"\xff\xfe\xc0\x80", b"a\0b"):
        p = t.client(w.s.url("live/odd")).connect()
        p.create_stream()
        raw = amf.encode("publish", 0, None) + b"\x02" + len(body).to_bytes(2, "big") + body
        p.send(Message(COMMAND, 0, p.sid, raw, 8))
        wait_for(lambda: w.s.json("/api/v1/clients/"), 2)
        p.close()
    for line in w.s.log().splitlines():
        assert "\x1b" not in line and not line.startswith("Set-Cookie"), line
        assert not line.startswith("[2026-01-01]"), line
    w.fine()


def test_end_and_reload_at_every_stage(t):
    """SIGHUP and SIGTERM while connections stand in every stage of their life end well."""
    silent = t.listen()
    text = top.clustered(f"127.0.0.1:{silent.port}", "query_timeout 3000;")
    for number in (signal.SIGHUP, signal.SIGTERM):
        s = t.server(f"s{number}", text)
        conns = [socket.create_connection(("127.0.0.1", port)) for port in (s.rtmp, s.http, s.api)]
        for steps in range(5):
            c = t.client(s.url(f"live/s{steps}"))
            if steps >= 1:
                c.connect()
            if steps == 2:
                c.create_stream()
            if steps == 3:
                c.publish()
            if steps == 4:
                c.play()     # waits for the coworker that never answers
            conns.append(c)
        web = rtmp.Conn(rtmp.dial("127.0.0.1", s.http))
        web.send_raw(b"GET /live/nobody.flv HTTP/1.1\r\nHost: x\r\n\r\n")
        conns.append(web)
        wait_for(lambda: silent.conns, 5, "the question of those that wait")
        if number == signal.SIGHUP:
            s.write_conf(text.replace("__defaultVhost__", "other.example"))
            for _ in range(3):
                s.signal(number)
            wait_for(lambda: s.json("/api/v1/versions"), 5)
        s.stop()
        for c in conns:
            c.close()


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
    s = t.server("edge", top.edge(evil.address, "protocol flv; linger 1;", play="queue_length 1;"))
    t.probe(s.url("live/x"), keep=False).wait_frames(1).stop()
    assert left.acquire(timeout=10 * SCALE), "the pull goes on without viewers"
    t.probe(s.url("live/x"), keep=False).wait_frames(1)
    s.stop()
    assert left.acquire(timeout=10 * SCALE), "the pull goes on although the edge has ended"


def test_pull_begun_under_an_older_configuration(t):
    """A pull that a session from before a reload has begun outlives that session."""
    origin = t.server("origin", top.local())
    s = t.server("edge", top.edge(f"127.0.0.1:{origin.rtmp}", "linger 1;"))
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
