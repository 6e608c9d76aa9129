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

from . import amf, handshake, rtmp
from .rtmp import AUDIO, COMMAND, DATA, VIDEO, Closed, Command, Conn, Message, Timeout
from .srs_relay import CLIENT_ID, DEFAULT_VHOST, IDENTITY, Jitter, Pull, Push, Source, Target, is_ipv4, upstream


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
        return Push(self.srs, upstream(self.srs, target, origin, 0.15), target)

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
            Pull.join(srs, target, source)
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
                Pull.leave(srs, target)

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
