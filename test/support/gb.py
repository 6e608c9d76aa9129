"""A camera of GB/T 28181: it registers by SIP, is called, and sends a program stream in RTP."""
import hashlib
import itertools
import re
import secrets
import select
import socket
import struct
import subprocess
import threading
import time

from . import SCALE, flv, ps
from .server import wait_for

REALM, SERVER_ID = "3402000000", "34020000002000000001"
CONF = """
stream_caster { enabled on; caster gb28181; output rtmp://127.0.0.1/live/[stream]; listen 127.0.0.1:$gb; %s
    sip { enabled on; listen 127.0.0.1:$sip; %s } }
"""
_ids = itertools.count(1)


def device_id(kind=132):
    return f"3402000000{kind}{next(_ids):07d}"


class Message:
    """A SIP message, as text with a body."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode(errors="replace").split("\r\n")
        self.first, self.headers = lines[0], [tuple(x.split(":", 1)) for x in lines[1:] if ":" in x]
        self.is_answer = self.first.startswith("SIP/2.0 ")
        self.status = int(self.first.split()[1]) if self.is_answer else 0
        self.method = self.first.split()[0] if not self.is_answer else self["CSeq"].split()[1]

    def __getitem__(self, name):
        return next((v.strip() for k, v in self.headers if k.strip().lower() == name.lower()), "")

    def all(self, name):
        return [v.strip() for k, v in self.headers if k.strip().lower() == name.lower()]


def digest(challenge, user, password, method, uri):
    value = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()
    one, two = md5(f"{user}:{value['realm']}:{password}"), md5(f"{method}:{uri}")
    if "qop" in value:
        cnonce = secrets.token_hex(4)
        answer = md5(f"{one}:{value['nonce']}:00000001:{cnonce}:auth:{two}")
        more = f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        answer, more = md5(f"{one}:{value['nonce']}:{two}"), ""
    return (f'Digest username="{user}", realm="{value["realm"]}", nonce="{value["nonce"]}", uri="{uri}", '
            f'response="{answer}", algorithm=MD5{more}')


class Sip:
    """The signalling of a camera, by TCP or UDP, on a thread of its own. What it answers to an INVITE says `answer`: a
    status, or None for nothing; a function gets the message."""

    def __init__(self, port, user=None, transport="tcp", password=None, host="127.0.0.1", address="127.0.0.1"):
        self.user, self.transport, self.password = user or device_id(), transport, password
        self.to, self.address = (host, port), address
        self.answer, self.channels, self.ssrc_answered = 200, [], None
        self.media_port = None      # of the answer's SDP
        self.heard, self.answers = [], []
        self.lock, self.over, self.cseq, self.call_id = threading.Lock(), False, 0, secrets.token_hex(8)
        self.on_invite = self.on_bye = lambda message: None
        self.sock = None
        self.connect()

    def connect(self):
        """A connection of its own; what was before is closed."""
        self.disconnect()
        kind = socket.SOCK_STREAM if self.transport == "tcp" else socket.SOCK_DGRAM
        self.over, self.sock = False, socket.socket(socket.AF_INET, kind)
        self.sock.bind((self.address, 0))
        self.sock.connect(self.to)
        self.local = self.sock.getsockname()
        self.thread = threading.Thread(target=self._run, args=(self.sock,), daemon=True)
        self.thread.start()

    def disconnect(self):
        if self.sock:
            self.over = True
            self.sock.close() if self.transport == "udp" else self._shut()
            self.thread.join(5)
            self.sock = None

    def _shut(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    close = disconnect

    # ---- sending ----

    def send(self, text, body=b""):
        data = text.replace("\n", "\r\n").encode() + body
        with self.lock:
            for _ in range(2):      # what was refused before, by UDP, is told now, and this was not sent
                try:
                    self.sock.sendall(data)
                    return
                except OSError as e:
                    if not isinstance(e, ConnectionRefusedError):
                        return

    def request(self, method, body="", kind="Application/MANSCDP+xml", more="", to=SERVER_ID, to_tag="", call_id=None):
        with self.lock:
            self.cseq += 1
            n = self.cseq
        data = body.encode("gb18030")
        uri = f"sip:{SERVER_ID}@{REALM}"
        self.send(f"{method} {uri} SIP/2.0\nVia: SIP/2.0/{self.transport.upper()} {self.local[0]}:{self.local[1]};rport;"
                  f"branch=z9hG4bK{secrets.token_hex(6)}\nFrom: <sip:{self.user}@{REALM}>;tag={secrets.token_hex(4)}\n"
                  f"To: <sip:{to}@{REALM}>{';tag=' + to_tag if to_tag else ''}\nCall-ID: {call_id or self.call_id}\nCSeq: {n} {method}\n"
                  f"Contact: <sip:{self.user}@{self.local[0]}:{self.local[1]}>\nMax-Forwards: 70\nUser-Agent: test camera\n{more}"
                  + (f"Content-Type: {kind}\n" if data else "") + f"Content-Length: {len(data)}\n\n", data)
        return n

    def ask(self, method, seconds=5, **kw):
        """Sends a request and gives its final answer."""
        n = self.request(method, **kw)
        found = []

        def has():
            found[:] = [m for m in list(self.answers) if m["CSeq"] == f"{n} {method}" and m.status >= 200]
            return found
        wait_for(has, seconds, f"the answer to {method}")
        return found[0]

    def register(self, expires=3600, new_life=False):
        """The final answer to a registration, with the password if one is asked for."""
        if new_life:
            self.call_id, self.cseq = secrets.token_hex(8), 0
        answer = self.ask("REGISTER", more=f"Expires: {expires}\n", to=self.user)
        if answer.status == 401 and self.password is not None:
            proof = digest(answer["WWW-Authenticate"], self.user, self.password, "REGISTER", f"sip:{SERVER_ID}@{REALM}")
            answer = self.ask("REGISTER", more=f"Expires: {expires}\nAuthorization: {proof}\n", to=self.user)
        return answer

    def keepalive(self):
        return self.ask("MESSAGE", call_id=secrets.token_hex(8), body=f'<?xml version="1.0"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>'
                        f"<SN>{self.cseq}</SN><DeviceID>{self.user}</DeviceID><Status>OK</Status></Notify>\r\n")

    def bye(self, invite=None):
        """Within the dialog of that INVITE, or outside of any."""
        return self.ask("BYE", call_id=invite["Call-ID"] if invite else secrets.token_hex(8))

    # ---- hearing ----

    def _run(self, sock):
        data = b""
        while not self.over:
            try:
                ready, _, _ = select.select([sock], [], [], 0.2)
                part = sock.recv(65536) if ready else None
            except ConnectionRefusedError:      # by UDP, in the moment in which one process leaves the port to the next one
                continue
            except (OSError, ValueError):
                return
            if part is None:
                continue
            if not part:
                return
            data = self._take(data + part)

    def _take(self, data):
        while data:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                return data
            size = int(next(iter(re.findall(rb"(?i)content-length: *(\d+)", head)), b"0"))
            if len(rest) < size:
                return data
            self._message(Message(head + end + rest[:size]))
            data = rest[size:]
        return data

    def _message(self, m):
        if m.is_answer:
            self.answers.append(m)
            return
        self.heard.append(m)
        if m.method == "INVITE":
            self.on_invite(m)
        elif m.method != "ACK":
            self.respond(m, 200)
            if m.method == "BYE":
                self.on_bye(m)
            elif m.method == "MESSAGE" and b"Catalog" in m.body:
                self._catalog(m)

    def respond(self, m, status, body="", tag="camera"):
        lines = [f"Via: {v}" for v in m.all("Via")] + [f"From: {m['From']}", f"To: {m['To']}" + ("" if "tag=" in m["To"] else f";tag={tag}"),
                                                        f"Call-ID: {m['Call-ID']}", f"CSeq: {m['CSeq']}"]
        kind = "Content-Type: application/sdp\n" if body else ""
        self.send(f"SIP/2.0 {status} word\n" + "\n".join(lines) +
                  f"\nContact: <sip:{self.user}@{self.local[0]}:{self.local[1]}>\n{kind}Content-Length: {len(body)}\n\n", body.encode())

    def _catalog(self, m):
        sn = re.search(rb"<SN>(\d+)</SN>", m.body).group(1).decode()
        for i in range(0, max(len(self.channels), 1), 2):
            some = self.channels[i:i + 2]
            items = "".join(f"<Item><DeviceID>{c}</DeviceID><Name>{n}</Name><Manufacturer>Test</Manufacturer><Status>ON</Status>"
                            f"<ParentID>{self.user}</ParentID></Item>\r\n" for c, n in some)
            self.request("MESSAGE", call_id=secrets.token_hex(8),
                         body=f'<?xml version="1.0" encoding="GB2312"?>\r\n<Response><CmdType>Catalog</CmdType><SN>{sn}</SN>'
                              f"<DeviceID>{self.user}</DeviceID><SumNum>{len(self.channels)}</SumNum>"
                              f'<DeviceList Num="{len(some)}">{items}</DeviceList></Response>')

    def invites(self):
        return [m for m in list(self.heard) if m.method == "INVITE"]

    def byes(self):
        return [m for m in list(self.heard) if m.method == "BYE"]

    def wait_invite(self, n=1, seconds=5):
        wait_for(lambda: len(self.invites()) >= n, seconds, f"invitation {n}")
        return self.invites()[n - 1]


class Offer:
    """What an INVITE wants."""

    def __init__(self, m):
        text = m.body.decode()
        self.ssrc = int(re.search(r"^y=(\d+)", text, re.M).group(1))
        self.ip = re.search(r"^c=IN IP4 (\S+)", text, re.M).group(1)
        self.port, self.protocol = re.search(r"^m=video (\d+) (\S+)", text, re.M).groups()
        self.port = int(self.port)
        setup = re.search(r"^a=setup:(\w+)", text, re.M)
        self.setup = setup.group(1) if setup else ""
        self.channel = re.search(r"sip:(\d+)@", m.first).group(1)
        self.subject = m["Subject"]


class Media(threading.Thread):
    """Sends packs in real time, over and over, until closed. `corrupt` may change the bytes of each RTP packet."""

    def __init__(self, offer, all_packs, transport="tcp", ssrc=None, corrupt=None, sock=None, loop=True, speed=1.0,
                 address="127.0.0.1"):
        super().__init__(daemon=True)
        self.offer, self.packs, self.transport, self.corrupt, self.loop, self.speed = offer, list(all_packs), transport, corrupt, loop, speed
        self.rtp = ps.Rtp(offer.ssrc if ssrc is None else ssrc)
        self.over, self.failed, self.sent = False, None, 0
        self.beside = []        # (milliseconds, bytes) of G.711 in packets of their own
        self.sock, self.address = sock, address
        self.start()

    def _send(self, packet):
        if self.corrupt:
            packet = self.corrupt(packet)
            if packet is None:
                return
        if self.transport == "tcp":
            packet = struct.pack(">H", len(packet)) + packet
        self.sock.sendall(packet)
        self.sent += 1

    def run(self):
        try:
            if not self.sock:
                self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.transport == "tcp" else socket.SOCK_DGRAM)
                self.sock.bind((self.address, 0))
                self.sock.connect((self.offer.ip, self.offer.port))
            began = time.monotonic()
            for ms, data in self.packs if not self.loop else self._endless():
                while not self.over and time.monotonic() - began < ms / 1000 / self.speed:
                    time.sleep(0.005)
                if self.over:
                    break
                for packet in self.rtp.packets(data, ms):
                    self._send(packet)
                while self.beside and self.beside[0][0] <= ms:
                    at, sound = self.beside.pop(0)
                    for packet in self.rtp.packets(sound, at, payload_type=8):
                        self._send(packet)
        except OSError as error:
            self.failed = error
        if self.sock and (self.over or not self.loop):
            self.sock.close()

    def _endless(self):
        yield from self.packs

    def close(self):
        self.over = True
        self.join(5)
        if self.sock:
            self.sock.close()


class Camera:
    """A whole camera: answers each INVITE and sends. `hold` keeps it from sending; `status` is what it answers."""

    def __init__(self, t, server, transport="tcp", media="tcp", messages=None, channels=(), status=200, hold=False, seconds=20,
                 password=None, user=None, ssrc_answered=None, register=True, corrupt=None, sip_port=None, with_map=True,
                 address="127.0.0.1"):
        self.t, self.media_kind, self.status, self.hold = t, media, status, hold
        self.ssrc_answered, self.corrupt, self.with_map = ssrc_answered, corrupt, with_map
        self.messages = messages if messages is not None else flv.read_file(flv.make_flv(seconds))
        self.frames = ps.frames(self.messages)
        self.media = []
        self.address = address
        self.sip = t.keep(Sip(sip_port or server.sip, user=user, transport=transport, password=password, address=address))
        self.sip.channels = [(c, f"\u6444\u50cf\u5934 {i}") for i, c in enumerate(channels)]
        self.sip.on_invite, self.sip.on_bye = self._invited, self._bye
        self.id = self.sip.user
        self.listener = None
        if media == "tcp_active":
            self.listener = socket.create_server((address, 0))
        t.keep(self)
        if register:
            assert self.sip.register().status == 200

    def _sdp(self, offer):
        ssrc = offer.ssrc if self.ssrc_answered is None else self.ssrc_answered
        port = self.listener.getsockname()[1] if self.listener else 9
        return (f"v=0\r\no={self.id} 0 0 IN IP4 {self.address}\r\ns=Play\r\nc=IN IP4 {self.address}\r\nt=0 0\r\nm=video {port} TCP/RTP/AVP 96\r\n"
                f"a=sendonly\r\na=rtpmap:96 PS/90000\r\ny={ssrc:010d}\r\n")

    def _invited(self, m):
        if self.status is None:
            return
        offer = Offer(m)
        self.sip.respond(m, 100)
        if self.status != 200:
            self.sip.respond(m, self.status)
            return
        self.sip.respond(m, 200, self._sdp(offer))
        if not self.hold:
            threading.Thread(target=self.send, args=(offer,), daemon=True).start()

    def send(self, offer, loop=True):
        sock = None
        if self.listener:
            self.listener.settimeout(10 * SCALE)
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
        self.media.append(Media(offer, ps.packs(self.frames, with_map=self.with_map), "udp" if self.media_kind == "udp" else "tcp",
                                ssrc=self.ssrc_answered, corrupt=self.corrupt, sock=sock, loop=loop, address=self.address))

    def _bye(self, _):
        self.stop_media()

    def stop_media(self):
        for m in self.media:
            m.close()

    @property
    def is_sending(self):
        return any(m.is_alive() and not m.failed for m in self.media)

    def close(self):
        self.stop_media()
        if self.listener:
            self.listener.close()


def api(server, device=None):
    if device:
        return server.json(f"/api/v1/gb/devices/{device}")["device"]
    return server.json("/api/v1/gb/devices?count=500")


def hevc_frames(t, seconds=4):
    """H.265 of ffmpeg's, as frames of ps.packs(): access units begin with a delimiter."""
    path = t.path("media.h265")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=s=320x240:r=25:d={seconds}", "-c:v", "libx265", "-preset",
                    "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "aud=1:repeat-headers=1:keyint=25:bframes=0:log-level=error", "-f",
                    "hevc", path], check=True, timeout=60 * SCALE)
    with open(path, "rb") as f:
        units = f.read().split(b"\0\0\0\1\x46\x01")[1:]
    return [(i * 40, "video", b"\0\0\0\1\x40\x01" in unit, b"\0\0\0\1\x46\x01" + unit, 0) for i, unit in enumerate(units)]
