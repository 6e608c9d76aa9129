"""WebRTC in cases: offers of real clients, peers by aiortc, GStreamer and pion, and what they are asked to do."""
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import zlib

from . import httpc
from .case import Skip
from .server import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
OFFERS = os.path.join(HERE, "..", "fuzz", "corpus", "offer")
SYSTEM_PYTHON = "/usr/bin/python3"
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}

SERVER = """
rtc_server { enabled on; listen 127.0.0.1:$rtc; candidate 127.0.0.1; %s }
"""
VHOST = "rtc { enabled on; rtmp_to_rtc on; rtc_to_rtmp on; %s } "


def offer(name):
    with open(os.path.join(OFFERS, name + ".sdp"), "rb") as f:
        return f.read()


PUBLISH, PLAY = "chromium156-offer-publish", "chromium156-offer-play"


def whip(server, stream, body=None, headers=None, query="", kind="whip"):
    """POST of an offer; the response."""
    url = server.api_url(f"/rtc/v1/{kind}/?app=live&stream={stream}{query}")
    return httpc.fetch(url, "POST", headers={**SDP, **(headers or {})}, body=offer(PUBLISH) if body is None else body)


def whep(server, stream, body=None, headers=None, query=""):
    return whip(server, stream, offer(PLAY) if body is None else body, headers, query, "whep")


def api(server):
    return server.json("/api/v1/rtc")


def attribute(sdp, name):
    return re.search(rf"^a={name}:(.*?)\r?$", sdp if isinstance(sdp, str) else sdp.decode(), re.M).group(1)


def wait_sessions(server, count, seconds=10.0):
    return wait_for(lambda: api(server)["rtc"]["sessions"] == count, seconds, f"{count} sessions")


def _attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def check(answer, offer_name, ufrag=None, pwd=None, transaction=b"0123456789ab"):
    """A Binding request of the client with that offer for the server with that answer (RFC 8445)."""
    ufrag = ufrag or attribute(answer, "ice-ufrag")
    pwd = pwd or attribute(answer, "ice-pwd")
    theirs = attribute(offer(offer_name), "ice-ufrag")
    body = _attribute(0x0006, f"{ufrag}:{theirs}".encode()) + _attribute(0x802A, bytes(8)) + _attribute(0x0025, b"")

    def head(length):
        return struct.pack("!HHI", 1, length, 0x2112A442) + transaction
    mac = hmac.new(pwd.encode(), head(len(body) + 24) + body, hashlib.sha1).digest()
    body += _attribute(0x0008, mac)
    crc = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E
    return head(len(body) + 8) + body + _attribute(0x8028, struct.pack("!I", crc))


def has_aiortc():
    return subprocess.run([SYSTEM_PYTHON, "-c", "import aiortc"], capture_output=True, timeout=60,
                          check=False).returncode == 0


def aiortc(t, *orders, name="aiortc"):
    """A process of support/aiortc_peer.py; each order is ("publish", URL, FILE) or ("play", URL)."""
    words = [word for order in orders for word in order]
    return t.spawn([SYSTEM_PYTHON, os.path.join(HERE, "aiortc_peer.py"), *words], name)


def gst(t, *order, name="gst"):
    """A process of support/gst_peer.py: ("publish", URL) or ("play", URL); the case is skipped where webrtcbin is not there."""
    script = os.path.join(HERE, "gst_peer.py")
    if subprocess.run([SYSTEM_PYTHON, script, "check"], capture_output=True, timeout=60, check=False).returncode:
        raise Skip("GStreamer's webrtcbin or its bindings are not installed")
    return t.spawn([SYSTEM_PYTHON, script, *order], name)


def pion(t, *order, name="pion"):
    """A process of support/pion_peer.go: ("publish", URL, FILE of H.264) or ("play", URL); the case is skipped where it was not
    built."""
    program = os.path.join(HERE, "..", "..", "objs", "pion_peer")
    if not os.path.exists(program):
        raise Skip("objs/pion_peer is not built: make blackbox, with golang-go and golang-github-pion-webrtc.v3-dev installed")
    return t.spawn([program, *order], name)


def report(process):
    """The newest line of a peer that is JSON, or {}. Its libraries write into the same file, also behind a line's end."""
    for line in reversed(process.output().splitlines()):
        try:
            if line.startswith("{"):
                return json.JSONDecoder().raw_decode(line)[0]
        except ValueError:
            pass
    return {}
