"""A web service for hooks: records what it is told and answers as the case says."""
import http.server
import json
import ssl
import threading
import time
import urllib.parse


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.owner.connections += 1

    def do_POST(self):
        owner = self.server.owner
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        owner.take(self.path, dict(self.headers), raw)
        status, body = owner.answer(owner.heard[-1])
        if owner.delay:
            time.sleep(owner.delay)
        if status is None:
            body(self.connection)
            self.close_connection = True
            return
        data = body.encode()
        self.send_response(status)
        if owner.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(len(data)):
                self.wfile.write(b"1\r\n" + data[i:i + 1] + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.server.owner.fetched.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "200")
        self.end_headers()
        self.wfile.write(b"x" * 200)

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass                        # a peer that closes early is none


class HookServer:
    """`say` is an answer (status, body), or a function from what was heard to one; a status of None has body(sock)
    called instead of an answer. `cert` is the files of a certificate and its key, for HTTPS. `heard` is a list of dicts: the members of the body, and _path, _headers, _raw."""

    def __init__(self, port=0, say=(200, '{"code":0,"data":null}'), cert=None):
        self.say, self.delay, self.chunked, self.cert = say, 0, False, cert
        self.heard, self.fetched, self.connections = [], [], 0
        self.port, self.server = port, None
        self.start()

    def start(self):
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        if self.cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.cert)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    stop = close

    def take(self, path, headers, raw):
        if headers.get("Content-Type", "").startswith("application/json"):
            said = json.loads(raw)
        else:
            said = dict(urllib.parse.parse_qsl(raw.decode(), keep_blank_values=True))
        said.update(_path=path, _headers=headers, _raw=raw)
        self.heard.append(said)

    def answer(self, said):
        return self.say(said) if callable(self.say) else self.say

    def url(self, path="/hook"):
        return f"http{'s' if self.cert else ''}://127.0.0.1:{self.port}{path}"

    def of(self, action):
        return [h for h in self.heard if h.get("action") == action]
