"""Encrypted clients that nobody here wrote publish and play; and the whole of what is offered to them."""
import os
import socket
import ssl

from support import flv, obs, tls
from support.case import limit
from support.rtmp import AUDIO, VIDEO
from support.server import curl, wait_for
from test_tls import https, rtmps, s_client, start


def test_gstreamer_publishes_encrypted(t):
    """GStreamer's rtmp2sink publishes over RTMPS; what it sends is played plain and encrypted."""
    t.need("gst-launch-1.0")
    s = start(t)
    gst = t.spawn(["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=30/1", "!",
                   "x264enc", "tune=zerolatency", "key-int-max=30", "!", "h264parse", "!", "flvmux", "streamable=true", "!", "rtmp2sink",
                   "tls-validation-flags=0", "location=" + rtmps(s)])
    wait_for(lambda: s.is_live("x") or not gst.alive, 10, "the stream")
    assert gst.alive, gst.output()
    for url in (rtmps(s), https(s), s.url("live/x")):
        t.probe(url).wait_frames(20, 10)


def test_ffmpeg_believes_the_authority_it_was_given(t):
    """ffmpeg that is told to look at the certificate plays over HTTPS, by the name that is in it, and by no other."""
    s = start(t, names=("localhost",))
    t.publish(s.url("live/x"), t.media(20))
    ca = os.path.join(s.folder, "a.crt")
    trust = ("-tls_verify", "1", "-ca_file", ca)
    got = t.record(https(s, host="localhost"), 1, extra=trust)
    assert any(m.type == VIDEO for m in got) and any(m.type == AUDIO for m in got)
    refused = t.spawn(["ffmpeg", "-v", "error", "-tls_verify", "1", "-i", https(s, host="localhost"), "-t", "1", "-f", "null", "-"])
    assert refused.wait(15) != 0, refused.output()


def test_curl_takes_flv(t):
    """curl fetches FLV over TLS 1.2 and 1.3, and what it has written is what was published."""
    s = start(t)
    sent = t.publish(s.url("live/x"), t.media(20), mark=True)
    sent.wait_sent(30)
    ca = os.path.join(s.folder, "a.crt")
    for version in ("1.2", "1.3"):
        path = t.path(version + ".flv")
        curl(https(s, host="localhost"), "--cacert", ca, f"--tlsv{version}", "--tls-max", version, "--max-time", "3", "-o", path)
        reader = flv.FlvReader()
        with open(path, "rb") as f:
            got = reader.feed(f.read())
        flv.assert_same(sent.sent, got, least=30)


@limit(90)
def test_obs_publishes_encrypted(t):
    """OBS streams over RTMPS to a server whose certificate it believes; pictures and sound arrive."""
    obs.need(t)
    s = start(t, names=("localhost",))
    studio = obs.start(t, rtmps(s, "live", "localhost"), "x", os.path.join(s.folder, "a.crt"))
    wait_for(lambda: s.is_live("x") or not studio.alive, 40, "the stream")
    assert studio.alive, studio.output()[-2000:]
    p = t.probe(https(s))
    p.wait(lambda p: sum(m.type == VIDEO for m in p.messages) > 30 and sum(m.type == AUDIO for m in p.messages) > 30, 20)


# ---- what is offered

INTERMEDIATE = {f"{kind}-{cipher}" for kind in ("ECDHE-ECDSA", "ECDHE-RSA")
                for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}


def handshake(port, change):
    """The socket's cipher after a handshake with a context that `change` has narrowed; None: there was none."""
    ctx = tls.context()
    try:
        change(ctx)
    except ssl.SSLError:
        return None
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock, ctx.wrap_socket(sock, server_hostname="localhost") as s:
            return s.cipher()[0]
    except (ssl.SSLError, ConnectionError):
        return None


def only(cipher):
    def change(ctx):
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        ctx.set_ciphers(cipher + ":@SECLEVEL=0")
    return change


def every_cipher():
    """All of TLS 1.2 and older that this machine's library can speak, however bad."""
    ctx = tls.context()
    ctx.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [c["name"] for c in ctx.get_ciphers() if not c["name"].startswith("TLS_")]


def test_the_list_of_what_is_offered(t):
    """Each cipher of TLS 1.2 and each group that this machine's library knows is tried alone, with a certificate of either
    kind: offered are ECDHE with AES-GCM and ChaCha20, over X25519, P-256 and P-384 and no smaller ones; no downgrade, no
    compression, no certificate is asked for, no early data, and secure renegotiation alone is known."""
    for rsa in (False, True):
        s = start(t, name=f"rsa-{rsa}", rsa=rsa)
        port = s.values["rtmps"]
        names = every_cipher()
        assert len(names) > 40, names
        offered = {name for name in names if handshake(port, only(name))}
        kind = "ECDHE-RSA" if rsa else "ECDHE-ECDSA"
        assert offered == {name for name in INTERMEDIATE if name.startswith(kind)}, offered
        for group, good in (("X25519", True), ("P-256", True), ("P-384", True), ("P-224", False), ("secp192r1", False), ("secp256k1", False)):
            text = s_client(t, port, "-groups", group, "-tls1_3" if good else "-tls1_2")
            assert ("Cipher is (NONE)" not in text and "Cipher is" in text) == good, (group, text)
    text = s_client(t, port, "-tls1_2", "-fallback_scsv")
    assert "inappropriate fallback" in text, text
    text = s_client(t, port, "-tls1_2", "-status")
    for line in ("Secure Renegotiation IS supported", "Compression: NONE", "No client certificate CA names sent", "OCSP response: no response sent"):
        assert line in text, (line, text)
    assert "Max Early Data: 0" in s_client(t, s.api, "-tls1_3", "-ign_eof", text=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
