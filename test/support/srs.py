"""A scripted server that speaks as SRS 4 to 6 do: origin, clustered origin and edge.

It stands in for SRS in tests of mixed clusters: its answers come in SRS's order and with SRS's
texts, refusals are a bare close, an origin on its own says Play.Start and then nothing for a stream
that nobody publishes, a clustered one asks its coworkers and redirects, an edge pulls and pushes.
What others said to it is kept: connects, plays, publishes, queries."""
import http.client
import json
import queue
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import SCALE, amf, handshake, rtmp
from .rtmp import AUDIO, COMMAND, DATA, VIDEO, Closed, Command, Conn, Message, Timeout, is_header, is_keyframe

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


class Srs:
    """mode: "local" or "remote" (then `origins` is a list of "host:port"). origin_cluster with
    coworkers "host:port". host: what `clusters` answers as ip when the listener names none.
    accept(kind, target) may veto ("play", "publish"): the connection is closed without a word."""

    def __init__(self, port, api_port=None, mode="local", origins=(), origin_cluster=False, coworkers=(),
                 mw_latency=0.35, upnode=True, accept=None, query_timeout=30.0):
        self.port, self.api_port, self.mode = port, api_port, mode
        self.origins, self.origin_cluster, self.coworkers = list(origins), origin_cluster, list(coworkers)
        self.mw_latency, self.upnode, self.accept = mw_latency, upnode, accept
        self.query_timeout = query_timeout
        self.sources, self.lock = {}, threading.Lock()
        self.connects, self.plays, self.publishes, self.queries = [], [], [], []
        self.pulls, self.next_origin = {}, {}
        self.conns = []
        self.closing = False
        self.api = None

    def start(self):
        self.sock = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        if self.api_port:
            self.api = ThreadingHTTPServer(("127.0.0.1", self.api_port), _Api)
            self.api.daemon_threads = True
            self.api.srs = self
            threading.Thread(target=self.api.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def close(self):
        self.closing = True
        self.sock.close()
        if self.api:
            self.api.shutdown()
            self.api.server_close()
        for c in list(self.conns):
            c.close()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def api_address(self):
        return f"127.0.0.1:{self.api_port}"

    def url(self, path):
        return f"rtmp://127.0.0.1:{self.port}/{path}"

    def source(self, key):
        with self.lock:
            return self.sources.setdefault(key, Source())

    def live(self, key):
        return key in self.sources and self.sources[key].publisher is not None

    def _accept(self):
        while not self.closing:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            session = Session(self, sock)
            self.conns.append(session.conn)
            threading.Thread(target=session.run, daemon=True).start()

    def ask_coworkers(self, target):
        """The first good answer as (ip, port), in SRS's order: one after the other."""
        for coworker in self.coworkers:
            path = (f"/api/v1/clusters?vhost={target.vhost}&ip={target.host}&app={target.app}"
                    f"&stream={target.stream}&coworker={coworker}")
            try:
                c = http.client.HTTPConnection(coworker, timeout=self.query_timeout)
                c.request("POST", path, headers={"Content-Type": "application/json", "Content-Length": "0",
                                                 "Connection": "Keep-Alive",
                                                 "User-Agent": IDENTITY["srs_server"]})
                answer = c.getresponse()
                body = json.loads(answer.read()) if answer.status in (200, 201) else {"code": -1}
                c.close()
                origin = body["data"]["origin"] if body.get("code") == 0 else None
                if origin and origin["ip"] and origin["port"]:
                    return origin["ip"], int(origin["port"])
            except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
                continue
        return None


class Session:
    """One client of the scripted server, in its own thread."""

    def __init__(self, srs, sock):
        self.srs, self.conn = srs, Conn(sock, 30.0)
        self.paused = False

    def run(self):
        try:
            handshake.server(self.conn)
            self._connect()
            self._identify()
        except (Closed, Timeout, ValueError, rtmp.ProtocolError, amf.AmfError, OSError):
            pass
        self.conn.close()

    def _command(self):
        while True:
            m = self.conn.read(30)
            if m.type in (COMMAND, 17):
                return Command(m)

    def _connect(self):
        c = self._command()
        while c.name != "connect":
            c = self._command()
        self.tc_url = c.object.get("tcUrl", "")
        self.args = c.args[0] if c.args and isinstance(c.args[0], dict) else None
        self.srs.connects.append({"object": c.object, "args": self.args, "at": time.monotonic()})
        conn = self.conn
        conn.control(rtmp.WINDOW_ACK, 2500000)
        conn.control(rtmp.PEER_BANDWIDTH, 2500000, b"\x02")
        conn.set_chunk_size(60000)
        data = amf.Ecma(version="3,5,3,888", **IDENTITY, srs_authors="https://github.com/ossrs/srs",
                        srs_server_ip="127.0.0.1", srs_pid=4711, srs_id="scripted")
        conn.command("_result", c.tid, {"fmsVer": "FMS/3,5,3,888", "capabilities": 127, "mode": 1},
                     {"level": "status", "code": "NetConnection.Connect.Success",
                      "description": "Connection succeeded",
                      "objectEncoding": c.object.get("objectEncoding", 0), "data": data})
        conn.command("onBWDone", 0, None)

    def _identify(self):
        fmle = haivision = False
        while True:
            c = self._command()
            if c.name == "createStream":
                self.conn.command("_result", c.tid, None, 1)
            elif c.name in ("releaseStream", "FCPublish"):
                haivision = haivision or c.name == "FCPublish" and not fmle
                fmle = fmle or c.name == "releaseStream"
                self.conn.command("_result", c.tid, None, amf.UNDEFINED)
            elif c.name == "play":
                return self._play(Target(self.tc_url, str(c.args[0])))
            elif c.name == "publish":
                return self._publish(Target(self.tc_url, str(c.args[0])), fmle or haivision)
            elif c.tid:
                self.conn.command("_result", c.tid, None, None)

    def _status(self, code, description, level="status", sid=1, **more):
        self.conn.command("onStatus", 0, None, {"level": level, "code": code, "description": description,
                                                **more, "clientid": CLIENT_ID}, sid=sid, csid=5)

    # publish

    def _publish(self, target, fmle):
        srs, conn = self.srs, self.conn
        if fmle:
            conn.command("onFCPublish", 0, None, {"code": "NetStream.Publish.Start",
                                                  "description": "Started publishing stream."}, sid=1, csid=5)
        srs.publishes.append(target)
        if srs.accept and not srs.accept("publish", target):
            return
        source = srs.source(target.key)
        if not source.begin(self):
            return                          # busy: closed without a status
        push = None
        try:
            if srs.mode == "remote":
                push = self._push_connect(target)
            self._status("NetStream.Publish.Start", "Started publishing stream.")
            while True:
                m = conn.read(20)
                if m.type in (AUDIO, VIDEO, DATA):
                    push.put(m) if push else source.put(m)
                elif m.type == COMMAND and Command(m).name == "FCUnpublish":
                    conn.command("onFCUnpublish", 0, None, {"code": "NetStream.Unpublish.Success",
                                                            "description": "Stop publishing stream."},
                                 sid=1, csid=5)
                    self._status("NetStream.Unpublish.Success", "Stream is now unpublished")
                    return
                if push and push.error:
                    return
        finally:
            source.end(self)
            if push:
                push.close()

    def _push_connect(self, target):
        origin = self.srs.origins[self.srs.next_origin.get(("push", target.key), 0) % len(self.srs.origins)]
        self.srs.next_origin["push", target.key] = self.srs.next_origin.get(("push", target.key), 0) + 1
        return _Push(self.srs, upstream(self.srs, target, origin, 0.15), target)

    # play

    def _play(self, target):
        srs, conn = self.srs, self.conn
        conn.user(rtmp.STREAM_BEGIN, 1)
        self._status("NetStream.Play.Reset", "Playing and resetting stream.", details="stream")
        self._status("NetStream.Play.Start", "Started playing stream.", details="stream")
        conn.send(Message(DATA, 0, 1, amf.encode("|RtmpSampleAccess", True, True), 5))
        srs.plays.append(target)
        if srs.accept and not srs.accept("play", target):
            return
        if srs.mode == "local" and srs.origin_cluster and not srs.live(target.key):
            found = srs.ask_coworkers(target)
            if found:
                self._redirect(target, *found)
            return
        source, q = srs.source(target.key), queue.Queue()
        source.attach(q)
        if srs.mode == "remote":
            _Pull.join(srs, target, source)
        threading.Thread(target=self._send_loop, args=(q,), daemon=True).start()
        try:
            while True:
                m = conn.read(3600)
                if m.type == COMMAND:
                    self._while_playing(Command(m))
        finally:
            q.put(None)
            last = source.detach(q)
            if srs.mode == "remote" and last:
                _Pull.leave(srs, target)

    def _while_playing(self, c):
        if c.name == "pause":
            self.paused = bool(c.args and c.args[0])
            name = "Pause" if self.paused else "Unpause"
            self._status(f"NetStream.{name}.Notify", f"{name}d stream.")
            self.conn.user(rtmp.STREAM_EOF if self.paused else rtmp.STREAM_BEGIN, 1)
        elif c.name == "closeStream":
            raise Closed("closeStream")
        elif c.tid:
            self.conn.command("_result", c.tid, None, None)

    def _send_loop(self, q):
        jitter = Jitter()
        try:
            while (m := q.get()) is not None:
                batch = [m]
                time.sleep(self.srs.mw_latency)
                while not q.empty() and batch[-1] is not None:
                    batch.append(q.get())
                if not self.paused:
                    self.conn.send_raw(b"".join(self.conn.writer.bytes(
                        Message(m.type, jitter.fix(m), 1, m.payload, m.csid)) for m in batch if m), 10)
                if batch[-1] is None:
                    return
        except (Closed, Timeout, OSError):
            self.conn.close()

    def _redirect(self, target, ip, port):
        param = target.param
        if "vhost=" not in param and not is_ipv4(target.host):
            param = f"{param}&vhost={target.host}" if param else f"?vhost={target.host}"
        base = f"rtmp://{ip}:{port}/{target.app}"
        self.conn.command("onStatus", 0, None, {
            "level": "error", "code": "NetConnection.Connect.Rejected", "description": "RTMP 302 Redirect",
            "ex": {"code": 302, "redirect": base, "redirect2": f"{base}/{target.stream}{param}"}},
            sid=0, csid=5)
        try:
            deadline = time.monotonic() + 3
            while self.conn.read(deadline - time.monotonic()).type != COMMAND:
                pass
        except Timeout:
            pass


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


class _Pull(threading.Thread):
    """The ingester of an edge: round robin, 3 s of sleep after a failure, follows 302."""

    def __init__(self, srs, target, source):
        super().__init__(daemon=True)
        self.srs, self.target, self.source, self.over, self.client = srs, target, source, False, None

    @staticmethod
    def join(srs, target, source):
        with srs.lock:
            if target.key not in srs.pulls:
                srs.pulls[target.key] = pull = _Pull(srs, target, source)
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


class _Push(threading.Thread):
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


class _Api(BaseHTTPRequestHandler):
    """/api/v1/clusters and /api/v1/versions, for any method."""
    protocol_version = "HTTP/1.1"
    server_version = IDENTITY["srs_server"]

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _answer(self):
        srs, u = self.server.srs, urllib.parse.urlsplit(self.path)
        q = dict(p.partition("=")[::2] for p in u.query.split("&") if p)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        srs.queries.append({"method": self.command, "path": u.path, "query": q, "raw": self.path,
                            "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
        if u.path == "/api/v1/clusters":
            ip = q.get("coworker", "").rpartition(":")[0] or "127.0.0.1"
            key = f"/{q.get('app')}/{q.get('stream')}"
            api = f"{ip}:{srs.api_port}"
            origin = {"ip": ip, "port": srs.port, "vhost": DEFAULT_VHOST, "api": api,
                      "routers": [api]} if srs.live(key) else None
            answer = {"code": 0, "data": {"query": {k: q.get(k, "") for k in ("ip", "vhost", "app", "stream")},
                                          "origin": origin}}
        else:
            answer = {"code": 0, "data": {"major": 6, "minor": 0, "revision": 155, "version": "6.0.155"}}
        text = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("Connection", "Close")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = _answer

    def log_message(self, *_):
        pass


# ---- servers of one idea

def grant_connect(conn, c):
    conn.command("_result", c.tid, {"capabilities": 127}, {"level": "status", "code": "NetConnection.Connect.Success"})


def grant_stream(conn, c):
    conn.command("_result", c.tid, None, 1)


def converse(sock, **answers):
    """The server's side of one connection. connect and createStream are granted unless `answers` has something else to
    say, by the name of the command: answer(conn, command), true when the conversation is over."""
    answers = {"connect": grant_connect, "createStream": grant_stream, **answers}
    conn = Conn(sock, 5)
    handshake.server(conn)
    while True:
        m = conn.read()
        c = Command(m) if m.type == COMMAND else None
        if c and c.name in answers and answers[c.name](conn, c):
            return


def redirect(conn, to):
    """SRS's 302 to a stream x, and the end."""
    base = f"rtmp://127.0.0.1:{to}/live"
    conn.command("onStatus", 0, None, {"level": "error", "code": "NetConnection.Connect.Rejected",
                                       "description": "RTMP 302 Redirect",
                                       "ex": {"code": 302, "redirect": base, "redirect2": base + "/x"}}, csid=5)
    return True
