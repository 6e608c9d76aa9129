"""Listeners that come, go and move while the server runs, and those that are inherited."""
import selectors
import signal
import socket
import subprocess
import time

import topology as top
from support import SCALE, flv, httpc, rtmp
from support.case import limit
from support.server import BIN, free_port, listening, wait_for

PLAYERS = 500


class Audience:
    """Many HTTP-FLV players in one thread: what each has received so far."""

    def __init__(self, server, path, count):
        self.selector = selectors.DefaultSelector()
        self.data, self.ended = {}, 0
        url = server.flv(path)
        host = url.split("/")[2]
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", server.http))
            sock.sendall(f"GET {url[len('http://' + host):]} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            sock.setblocking(False)
            self.data[sock] = bytearray()
            self.selector.register(sock, selectors.EVENT_READ)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in self.selector.select(0.1):
                chunk = key.fileobj.recv(65536)
                if not chunk:
                    self.ended += 1
                    self.selector.unregister(key.fileobj)
                self.data[key.fileobj] += chunk

    def read_until(self, predicate, seconds, what):
        end = time.monotonic() + seconds * SCALE
        while not predicate():
            assert time.monotonic() < end, what
            self.read(0.2)

    def least(self):
        return min(len(d) for d in self.data.values())

    def messages(self):
        for data in self.data.values():
            yield flv.FlvReader().feed(bytes(data).partition(b"\r\n\r\n")[2])

    def close(self):
        for sock in self.data:
            sock.close()


def reload(server, text, words="the new configuration is in use"):
    before = server.log().count(words)
    server.write_conf(text)
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.log().count(words) > before, 5, "the reload")


@limit(120)
def test_listeners_change_under_players(t):
    """Listeners are added, moved and removed by SIGHUP under 500 players, and nobody loses a byte."""
    s = t.server("srs", top.local(listen="$rtmp"))
    more, moved = free_port(), free_port()
    publisher = t.publish(s.url("live/s"))
    audience = t.keep(Audience(s, "live/s", PLAYERS))
    audience.read_until(lambda: audience.least() > 1000, 30, "players that receive")
    http, rtmp_port, text = s.http, s.rtmp, s.conf
    reload(s, text.replace(f"listen {rtmp_port};", f"listen {rtmp_port} 127.0.0.1:{more};"))
    probe = t.probe(f"rtmp://127.0.0.1:{more}/live/s").wait_frames(5)
    audience.read(1)
    # The port alone to one address of it; HTTP goes elsewhere.
    narrow = text.replace(f"listen {rtmp_port};", f"listen 127.0.0.1:{rtmp_port};")
    reload(s, narrow.replace(f"127.0.0.1:{http}", f"127.0.0.1:{moved}"))
    assert not listening(more) and not listening(http) and listening(moved)
    t.probe(s.url("live/s")).wait_frames(5)
    s.http = moved
    t.probe(s.flv("live/s")).wait_frames(5)
    audience.read(1)
    reload(s, text)
    t.probe(s.url("live/s")).wait_frames(5)
    audience.read(1)
    assert audience.ended == 0 and not probe.ended and not publisher.ended
    sent = [bytes(m.payload) for m in publisher.sent if m.media]
    for messages in audience.messages():
        got = [bytes(m.payload) for m in messages if m.media and not rtmp.is_header(m)]
        first = sent.index(got[0])
        # What was published is a loop: the first message can stand at several places.
        starts = [i for i, p in enumerate(sent) if p == got[0]]
        assert any(sent[i:i + len(got)] == got for i in starts), (first, len(got))


def test_an_address_that_is_taken_changes_nothing(t):
    """A reload with an address that cannot be opened leaves all as it was, and says which and why."""
    s = t.server("srs", top.local())
    taken = t.listen()
    new = free_port()
    t.publish(s.url("live/s"))
    probe = t.probe(s.url("live/s")).wait_frames(5)
    text = s.conf.replace("max_connections 1000", "max_connections 999")
    reload(s, text.replace(f"listen 127.0.0.1:{s.rtmp};", f"listen 127.0.0.1:{new} 127.0.0.1:{taken.port};"),
           "the one in use stays")
    s.wait_log(f"RTMP: cannot listen on 127.0.0.1:{taken.port}: the port is in use")
    assert listening(s.rtmp) and not listening(new)
    t.probe(s.url("live/s")).wait_frames(5)
    assert not probe.ended and "max_connections: 1000 -> 999" not in s.log()
    s.json("/api/v1/versions")


def test_api_moves_by_reload(t):
    """The API and the HTTP server are turned off and on, and put on one port and apart, by reloads."""
    s = t.server("srs", top.local())
    text, api, http = s.conf, s.api, s.http
    reload(s, text.replace(f"http_api {{ enabled on; listen 127.0.0.1:{api};", f"http_api {{ enabled on; listen 127.0.0.1:{http};"))
    assert not listening(api)
    assert httpc.fetch_json(f"http://127.0.0.1:{http}/api/v1/summaries")["code"] == 0
    reload(s, text.replace("http_server { enabled on", "http_server { enabled off"))
    assert not listening(http) and listening(api)
    reload(s, text)
    assert httpc.fetch(f"http://127.0.0.1:{http}/api/v1/summaries").status == 404
    assert s.json("/api/v1/summaries")["code"] == 0


def test_coworkers_hear_the_new_port(t):
    """After a listener has moved, coworkers are told the port that is open."""
    s = t.server("srs", top.clustered("127.0.0.1:1"))
    publisher = t.client(s.url("live/s"))
    publisher.connect()
    publisher.publish()

    def told():
        origin = s.json("/api/v1/clusters?vhost=__defaultVhost__&app=live&stream=s")["data"]["origin"]
        return origin and origin["port"]
    wait_for(lambda: told() == s.rtmp, 5, "the stream at its origin")
    moved = free_port()
    reload(s, s.conf.replace(f"127.0.0.1:{s.rtmp}", f"127.0.0.1:{moved}"))
    assert told() == moved


def test_a_reload_waits_for_nobody_in_the_queue(t):
    """A connection that waits to be accepted when its listener goes is served."""
    s = t.server("srs", top.local())
    t.publish(s.url("live/s"))
    s.freeze()
    waiting = [socket.create_connection(("127.0.0.1", s.http)) for _ in range(20)]
    for sock in waiting:
        sock.sendall(b"GET /nothing HTTP/1.0\r\nHost: x\r\n\r\n")
    s.write_conf(s.conf.replace(f"127.0.0.1:{s.http}", f"127.0.0.1:{free_port()}"))
    s.signal(signal.SIGHUP)
    s.thaw()
    for sock in waiting:
        sock.settimeout(5 * SCALE)
        assert b" 404 " in sock.recv(4096)
        sock.close()


def test_sockets_of_the_service_manager(t):
    """Sockets that systemd has opened (LISTEN_FDS) are served; what nobody listens on is closed."""
    ours, spare = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    port = ours.getsockname()[1]
    conf = t.path("x.conf")
    with open(conf, "w") as f:
        f.write(f"listen 127.0.0.1:{port};\ndaemon off;\nsrs_log_tank console;\npid {t.path('x.pid')};\n"
                "vhost __defaultVhost__ { }\n")
    # As sd_listen_fds(3) has it: descriptors from 3 on, and the process they are for.
    start = ("import os, sys\nos.dup2(int(sys.argv[1]), 13); os.dup2(int(sys.argv[2]), 14)\n"
             "os.dup2(13, 3); os.dup2(14, 4); os.set_inheritable(3, True); os.set_inheritable(4, True)\n"
             "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')\n"
             "os.execv(sys.argv[3], [sys.argv[3], '-c', sys.argv[4]])\n")
    for sock in (ours, spare):
        sock.set_inheritable(True)
    out = open(t.path("out.log"), "wb")
    popen = subprocess.Popen(["python3", "-c", start, str(ours.fileno()), str(spare.fileno()), BIN, conf],
                             stdout=out, stderr=out, close_fds=False)
    try:
        text = lambda: open(t.path("out.log"), errors="replace").read()
        wait_for(lambda: "origin: RTMP" in text(), 10, "the start")
        assert f"descriptor 4 (127.0.0.1:{spare.getsockname()[1]}) was inherited" in text()
        ours.close()
        t.publish(f"rtmp://127.0.0.1:{port}/live/s")
        t.probe(f"rtmp://127.0.0.1:{port}/live/s").wait_frames(5)
    finally:
        popen.terminate()
        popen.wait(10)
        out.close()
    assert popen.returncode == 0
