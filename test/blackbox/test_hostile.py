"""Clients that do all they can to hurt: an innocent stream on the same server plays on, the API
answers, memory stays bounded."""
import random
import signal
import socket
import threading
import time

import topology as top
from siege import FLOOD, Siege, Watch, command, flood, hostile_stream, read_all, session
from support import SCALE, amf, rtmp
from support.case import alone
from support.rtmp import COMMAND, VIDEO, Closed, Message
from support.server import wait_for


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


@alone
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
        wait_for(lambda: silent.conns, 5, "the query of those that wait")
        if number == signal.SIGHUP:
            s.write_conf(text.replace("__defaultVhost__", "other.example"))
            for _ in range(3):
                s.signal(number)
            wait_for(lambda: s.json("/api/v1/versions"), 5)
        s.stop()
        for c in conns:
            c.close()
