"""What the scripted server shares among its roles (names, sources), and how it pulls and pushes as an edge."""
import queue
import socket
import threading
import time
import urllib.parse

from . import SCALE, amf, rtmp
from .rtmp import AUDIO, COMMAND, DATA, VIDEO, Closed, Command, Message, Timeout, is_header, is_keyframe

IDENTITY = {"srs_sig": "SRS", "srs_server": "SRS/6.0.155(Hang)", "srs_license": "MIT",
            "srs_url": "https://ossrs.io", "srs_version": "6.0.155"}
CLIENT_ID = "ASAICiss"
DEFAULT_VHOST = "__defaultVhost__"


class Target:
    """tcUrl and stream name taken apart, as far as the tests need it."""

    def __init__(self, tc_url, stream):
        u = urllib.parse.urlsplit(tc_url)
        self.tc_url, self.host, self.port = tc_url, u.hostname or "", u.port or 1935
        self.app = u.path.strip("/")
        name, _, param = stream.partition("?")
        self.param = "?" + (param or u.query) if param or u.query else ""
        self.stream = name.rpartition(".")[0] or name
        query = dict(urllib.parse.parse_qsl(self.param[1:]))
        self.asked_vhost = query.get("vhost") or query.get("domain") or self.host
        self.vhost = DEFAULT_VHOST      # the only one this server has

    @property
    def key(self):
        return f"/{self.app}/{self.stream}"


class Source:
    """One stream: its headers, its GOP and the queues of its consumers."""

    def __init__(self):
        self.lock = threading.Lock()
        self.publisher = None
        self.meta, self.headers, self.gop, self.consumers = None, {}, [], []

    def begin(self, publisher):
        with self.lock:
            if self.publisher:
                return False
            self.publisher, self.meta, self.headers = publisher, None, {}
            return True

    def end(self, publisher):
        with self.lock:
            if self.publisher is publisher:
                self.publisher, self.gop = None, []

    def put(self, m):
        with self.lock:
            if m.type == DATA:
                values = amf.decode(m.payload)
                if values and values[0] == "@setDataFrame":
                    values = values[1:]
                if len(values) < 2 or values[0] != "onMetaData":
                    return
                info = {k: v for k, v in values[1].items() if k != "duration"}
                info.update(server=IDENTITY["srs_server"], server_version=IDENTITY["srs_version"])
                m = self.meta = Message(DATA, 0, 1, amf.encode("onMetaData", info), 4)
            elif is_header(m):
                self.headers[m.type] = m
            elif is_keyframe(m):
                self.gop = [m]
            elif self.gop:
                self.gop.append(m)
            for c in self.consumers:
                c.put(m)

    def attach(self, q):
        with self.lock:
            if self.publisher:
                for m in [self.meta, self.headers.get(AUDIO), self.headers.get(VIDEO), *self.gop]:
                    if m:
                        q.put(m)
            self.consumers.append(q)

    def detach(self, q):
        with self.lock:
            self.consumers.remove(q)
            return not self.consumers


class Jitter:
    """time_jitter full: distances beyond 250 ms become 10 ms, the first message lands near 0."""

    def __init__(self):
        self.last_in = self.last_out = 0

    def fix(self, m):
        if not m.media:
            return 0
        delta = m.ts - self.last_in
        self.last_in = m.ts
        self.last_out = max(0, self.last_out + (delta if -250 < delta < 250 else 10))
        return self.last_out


def is_ipv4(host):
    try:
        socket.inet_aton(host)
        return host.count(".") == 3
    except OSError:
        return False


def upstream(srs, target, origin, connect_timeout, to=None):
    """The dialogue of SRS as a client, up to createStream (sid 1 in .sid)."""
    host, _, port = (to or origin).rpartition(":")
    if is_ipv4(target.asked_vhost) or target.asked_vhost == DEFAULT_VHOST:
        vhost = target.host
    else:
        vhost = target.asked_vhost
    tc = f"rtmp://{vhost}{'' if int(port) == 1935 else ':' + port}/{target.app}"
    c = rtmp.Client(f"rtmp://{host}:{port}/{target.app}/{target.stream}", timeout=connect_timeout)
    c.timeout = 5.0 * SCALE
    args = dict(IDENTITY, srs_pid=4711, srs_id="scripted", srs_server_ip="127.0.0.1") if srs.upnode else None
    c.connect(args, chunk_size=60000, flashVer="WIN 15,0,0,239", swfUrl="", pageUrl="", tcUrl=tc, fpad=False,
              capabilities=239, audioCodecs=3575, videoCodecs=252, videoFunction=1)
    c.control(rtmp.WINDOW_ACK, 2500000)
    c.create_stream()
    return c


class Pull(threading.Thread):
    """The ingester of an edge: round robin, 3 s of sleep after a failure, follows 302."""

    def __init__(self, srs, target, source):
        super().__init__(daemon=True)
        self.srs, self.target, self.source, self.over, self.client = srs, target, source, False, None

    @staticmethod
    def join(srs, target, source):
        with srs.lock:
            if target.key not in srs.pulls:
                srs.pulls[target.key] = pull = Pull(srs, target, source)
                source.begin(pull)
                pull.start()

    @staticmethod
    def leave(srs, target):
        with srs.lock:
            pull = srs.pulls.pop(target.key, None)
        if pull:
            pull.over = True
            if pull.client:
                pull.client.close()
            pull.source.end(pull)

    def run(self):
        turn, redirect = 0, None
        while not self.over:
            origin = self.srs.origins[turn % len(self.srs.origins)]
            turn += not redirect
            try:
                redirect = self._once(origin, redirect)
                if redirect:
                    continue
            except (Closed, Timeout, OSError, rtmp.Refused, rtmp.ProtocolError):
                redirect = None
            until = time.monotonic() + 3
            while not self.over and time.monotonic() < until:
                time.sleep(0.05)

    def _once(self, origin, redirect):
        c = self.client = upstream(self.srs, self.target, origin, 5.0, redirect)
        try:
            param = "&".join(p for p in self.target.param[1:].split("&") if p and not p.startswith("vhost="))
            c.command("play", 0, None, self.target.stream + ("?" + param if param else ""), sid=c.sid, csid=5)
            c.user(rtmp.SET_BUFFER, c.sid, 1000)
            while not self.over:
                m = c.read(5.0)
                if m.type in (AUDIO, VIDEO, DATA):
                    self.source.put(m)
                elif m.type == COMMAND:
                    ex = Command(m).info.get("ex") if Command(m).info.get("level") == "error" else None
                    if isinstance(ex, dict):
                        u = rtmp.Url(ex.get("redirect2") or ex.get("redirect"))
                        return f"{u.host}:{u.port}"
        finally:
            c.close()
        return None


class Push(threading.Thread):
    """The forwarder of an edge: every 500 ms at most 128 messages, no second chance."""

    def __init__(self, srs, client, target):
        super().__init__(daemon=True)
        self.client, self.q, self.error = client, queue.Queue(), None
        client.command("publish", 0, None, target.stream + target.param, "live", sid=client.sid, csid=5)
        self.start()

    def put(self, m):
        self.q.put(m)

    def run(self):
        try:
            while True:
                try:
                    self.client.read(0.5)
                except Timeout:
                    pass
                for _ in range(min(128, self.q.qsize())):
                    m = self.q.get()
                    self.client.send(Message(m.type, m.ts, self.client.sid, m.payload, m.csid))
        except (Closed, Timeout, OSError) as e:
            self.error = e

    def close(self):
        self.client.close()
