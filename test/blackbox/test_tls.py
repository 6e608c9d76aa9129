"""RTMPS and HTTPS with clients that nobody here wrote, and what may not happen on their ports."""
import os
import socket
import ssl
import subprocess
import threading
import time

import topology as top
from support import SCALE, flv, httpc, tls
from support.case import calm, limit
from support.rtmp import AUDIO, VIDEO
from support.server import curl, free_port, wait_for

RTMPS = "rtmps { enabled on; listen 127.0.0.1:$rtmps; key ./a.key; cert ./a.crt; }\n"
HTTP = ("http_server { enabled on; listen 127.0.0.1:$http; https { enabled on; listen 127.0.0.1:$https; "
        "key ./a.key; cert ./a.crt; } }\n")
API = ("http_api { enabled on; listen 127.0.0.1:$api; https { enabled on; listen 127.0.0.1:$api; key ./a.key; "
       "cert ./a.crt; } raw_api { enabled on; allow_reload on; } }\n")


def start(t, more="", vhost="", names=("localhost", "127.0.0.1"), name="srs", **pair):
    """A server with all that TLS has; the API's port is mixed. Its certificate is `serial`."""
    folder = t.path(name)
    os.makedirs(folder)
    serial = tls.make_pair(os.path.join(folder, "a"), *names, **pair)
    conf = ("listen 127.0.0.1:$rtmp;" + top.COMMON + RTMPS + HTTP + API + more +
            "vhost __defaultVhost__ { http_remux { enabled on; } }\n" + vhost)
    s = t.server(name, conf, values={"rtmps": free_port(), "https": free_port()})
    s.serial = serial
    return s


def rtmps(s, path="live/x", host="127.0.0.1"):
    return f"rtmps://{host}:{s.values['rtmps']}/{path}"


def https(s, path="/live/x.flv", host="127.0.0.1"):
    return f"https://{host}:{s.values['https']}{path}"


def serial_of(port, name="localhost"):
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        return tls.Encrypted(sock, name).serial


def s_client(t, port, *args, text=b"", seconds=5):
    """openssl s_client with something to say; what it printed."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *args], input=text,
                          capture_output=True, timeout=seconds * SCALE, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


@calm
def test_ffmpeg_publishes_and_plays_encrypted(t):
    """ffmpeg publishes over RTMPS; ffmpeg plays over RTMPS and HTTPS, and the same stream plain."""
    s = start(t)
    t.ffmpeg(t.media(), rtmps(s))
    s.wait_live("x")
    for url in (rtmps(s), https(s), s.url("live/x")):
        got = t.record(url, 2, name=f"{url[:5].rstrip(':')}.flv")
        assert any(m.type == VIDEO for m in got) and any(m.type == AUDIO for m in got), url


def test_gstreamer_plays_encrypted(t):
    """GStreamer plays over RTMPS."""
    t.need("gst-launch-1.0")
    s = start(t)
    t.publish(s.url("live/x"))
    out = t.path("gst.flv")
    gst = t.spawn(["gst-launch-1.0", "rtmp2src", "tls-validation-flags=0", "location=" + rtmps(s), "!", "filesink",
                   "location=" + out])
    wait_for(lambda: os.path.exists(out) and os.path.getsize(out) > 80000 or not gst.alive, 10, "80 KB")
    assert gst.alive, gst.output()


def test_curl_trusts_the_authority_it_was_given(t):
    """curl speaks to the API over HTTPS, on the port that takes both, and sees the name; without the
    authority it refuses."""
    s = start(t)
    ca = os.path.join(s.folder, "a.crt")
    status, body, _ = curl(f"https://localhost:{s.api}/api/v1/versions", "--cacert", ca)
    assert status == 0 and b'"version"' in body, (status, body)
    status, body, _ = curl(s.api_url("/api/v1/versions"))
    assert status == 0 and b'"version"' in body
    assert curl(f"https://localhost:{s.api}/api/v1/versions")[0] == 60
    status, body, _ = curl(f"https://localhost:{s.api}/api/v1/versions", "--cacert", ca, "--http1.1", "--tlsv1.2",
                           "--tls-max", "1.2")
    assert status == 0, status


def test_names_have_their_certificates(t):
    """A client that names a vhost gets its certificate, wildcards included; others the default one."""
    os.makedirs(t.path("pairs"))
    one = tls.make_pair(t.path("pairs", "one"), "one.example")
    wild = tls.make_pair(t.path("pairs", "wild"), "*.two.example", rsa=True)
    vhost = "".join(f"vhost {v} {{ tls {{ key {p}.key; cert {p}.crt; }} }}\n"
                    for v, p in (("one.example", t.path("pairs", "one")), ("two.example", t.path("pairs", "wild"))))
    s = start(t, vhost=vhost)
    for name, want in (("one.example", one), ("ONE.example", one), ("a.two.example", wild), ("two.example", wild),
                       ("a.b.two.example", s.serial), ("localhost", s.serial), (None, s.serial)):
        for port in (s.values["rtmps"], s.values["https"], s.api):
            assert serial_of(port, name) == want, (name, port)


class Viewers:
    """Players over TLS that must not be disturbed."""

    def __init__(self, t, urls):
        self.probes = [t.probe(url, keep=False) for url in urls]
        for p in self.probes:
            p.wait_frames(20, 15)
        self.since = time.monotonic()

    def check(self, gap_ms):
        for p in self.probes:
            assert not p.ended, p
            p.wait_frames(1, 5, after=time.monotonic())
            assert p.largest_gap_ms(VIDEO, self.since) < gap_ms * SCALE, p.gaps(VIDEO, self.since)[:3]
            assert not p.backwards(), p


def test_certificates_are_swapped_under_viewers(t):
    """New files are used within seconds by themselves and at once after a reload; a broken pair is refused with
    its reason and the old one serves on; no viewer notices any of it."""
    s = start(t)
    t.publish(s.url("live/x"))
    viewers = Viewers(t, [rtmps(s)] * 10 + [https(s)] * 10)
    pair = os.path.join(s.folder, "a")
    second = tls.make_pair(pair, "localhost", rsa=True)
    wait_for(lambda: serial_of(s.values["rtmps"]) == second, 20, "the new certificate")
    with open(pair + ".key", "w") as f:
        f.write("-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n")
    s.signal(1)
    s.wait_log(r"RTMPS: ./a.key has no private key .*; the certificates in use stay")
    assert serial_of(s.values["rtmps"]) == serial_of(s.values["https"]) == second
    third = tls.make_pair(pair, "localhost")
    assert s.json("/api/v1/raw?rpc=reload")["code"] == 0
    wait_for(lambda: serial_of(s.api) == third and serial_of(s.values["https"]) == third, 5, "the third one")
    viewers.check(1500)


def test_a_refused_reload_leaves_the_certificates(t):
    """A configuration with another certificate, which is refused since a port of it is taken: those in use serve on, and a
    change of their files is noticed."""
    s = start(t)
    was = s.conf
    other = tls.make_pair(os.path.join(s.folder, "b"), "localhost")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        s.write_conf(was.replace("./a.", "./b.").replace("listen 127.0.0.1", f"listen 127.0.0.1:{port} 127.0.0.1", 1))
        s.signal(1)
        s.wait_log("the configuration cannot be used; the one in use stays")
        assert serial_of(s.values["rtmps"]) == serial_of(s.api) == s.serial
    third = tls.make_pair(os.path.join(s.folder, "a"), "localhost")
    wait_for(lambda: serial_of(s.values["https"]) == third, 20, "the new file of the one in use")
    s.write_conf(was.replace("./a.", "./b."))
    s.signal(1)
    wait_for(lambda: serial_of(s.values["https"]) == other, 5, "the other certificate")


def test_the_api_tells_of_certificates(t):
    """/api/v1/certificates names each certificate, its end and, when new files were refused, why."""
    s = start(t)
    found = s.json("/api/v1/certificates")["certificates"]
    assert [c["service"] for c in found] == ["RTMPS", "HTTPS", "HTTPS API"], found
    for c in found:
        assert c["serial"] == s.serial and c["names"] == ["localhost"] and c["kind"] == "ECDSA", c
        assert 29 < (c["not_after"] - time.time()) / 86400 < 31 and c["refused"] == "", c
    os.unlink(os.path.join(s.folder, "a.crt"))
    s.signal(1)
    wait_for(lambda: "cannot be read" in s.json("/api/v1/certificates")["certificates"][0]["refused"], 5, "the reason")


def test_without_a_usable_certificate_it_does_not_start(t):
    """A certificate that cannot be used is named at start, with what is wrong."""
    conf = "listen 1935; daemon off; rtmps { enabled on; listen 1443; key ./no.key; cert ./no.crt; }"
    done = t.run("-c", "x.conf", conf=conf + "srs_log_tank console; vhost __defaultVhost__ { }")
    assert done.returncode != 0 and "`rtmps.key` ./no.key cannot be read: No such file or directory" in done.text, done.text


def test_what_is_offered(t):
    """Versions and ciphers: TLS 1.2 and 1.3 with forward secrecy and nothing older; 'modern' 1.3 alone; 'old' more."""
    modern = start(t)
    port = modern.values["rtmps"]

    def offers(*args):
        return "Cipher is (NONE)" not in s_client(t, port, *args) and "alert" not in s_client(t, port, *args)
    assert offers("-tls1_2") and offers("-tls1_3")
    old = ["-cipher", "ALL:@SECLEVEL=0"]
    for version in ("-tls1", "-tls1_1"):
        assert not offers(version, *old), version
    for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL", "aNULL"):
        assert not offers("-tls1_2", "-cipher", cipher + ":@SECLEVEL=0"), cipher
    text = s_client(t, port, "-alpn", "h2,http/1.1")
    assert "ALPN protocol: http/1.1" in text and "Compression: NONE" in text, text
    for profile, version, works in (("modern", "-tls1_2", False), ("modern", "-tls1_3", True), ("old", "-tls1", True)):
        modern.write_conf(modern.conf.replace("rtmps {", f"tls_profile {profile}; rtmps {{"))
        before = modern.log().count("the new configuration is in use")
        modern.signal(1)
        wait_for(lambda n=before: modern.log().count("the new configuration is in use") > n, 5, "the reload")
        assert offers(version, *old) == works, (profile, version)
        modern.write_conf(modern.conf.replace(f"tls_profile {profile}; ", ""))


class Talk:
    """openssl s_client that is talked to until it has said what is waited for."""

    def __init__(self, port, *args):
        self.client = subprocess.Popen(["openssl", "s_client", *args, "-connect", f"127.0.0.1:{port}"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.seen = []
        self.reader = threading.Thread(target=lambda: self.seen.extend(iter(lambda: self.client.stdout.read1(4096), b"")))
        self.reader.start()

    def count(self, word):
        return b"".join(self.seen).count(word)

    def say(self, text, word):
        before = self.count(word)
        self.client.stdin.write(text)
        self.client.stdin.flush()
        wait_for(lambda: self.count(word) > before, 5, f"{word} behind {text[:10]}")

    def close(self, _failed=False):
        self.client.kill()
        self.reader.join()
        self.client.wait()
        self.client.stdin.close()
        self.client.stdout.close()


def test_renegotiation_is_refused_and_new_keys_are_not(t):
    """s_client: a renegotiation is refused, a KeyUpdate in both directions is no matter."""
    s = start(t)
    old = t.keep(Talk(s.api, "-tls1_2"))
    old.say(b"R\n", b"no renegotiation")
    wait_for(lambda: old.client.poll() is not None, 5, "the end of its connection")
    new = t.keep(Talk(s.api, "-tls1_3"))
    for _ in range(2):
        new.say(b"K\n", b"KEYUPDATE")
    new.say(b"GET /api/v1/versions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b'"version"')


def test_a_handshake_in_single_bytes(t):
    """A client whose bytes come one by one is served; the server does nothing for it before its hello is whole."""
    s = start(t)
    plain = socket.create_connection(("127.0.0.1", s.api), 5)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.context().wrap_bio(incoming, outgoing, server_hostname="localhost")

    def send_out():
        for byte in outgoing.read():
            plain.send(bytes([byte]))

    def until(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                send_out()
                incoming.write(plain.recv(65536))
    until(client.do_handshake)
    client.write(b"GET /api/v1/versions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    send_out()
    assert until(lambda: client.read(4096)).startswith(b"HTTP/1.1 200")
    plain.close()


def test_garbage_and_plain_clients_on_encrypted_ports(t):
    """What is no TLS ends at once, a browser that forgot the s reads a sentence, and viewers see nothing of it."""
    s = start(t)
    t.publish(s.url("live/x"))
    viewers = Viewers(t, [rtmps(s), https(s)])
    assert httpc.fetch(f"http://127.0.0.1:{s.values['https']}/").status == 400
    for port in (s.values["rtmps"], s.values["https"]):
        for text in (b"\x03" + bytes(1536), b"\x16\x03\x01\xff\xff" + bytes(70000), b"\x16\x03\x01\x00\x10" + bytes(16),
                     b"\x80\x2e\x01\x00\x02" + bytes(50), os.urandom(2000), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + os.urandom(508)):
            with socket.create_connection(("127.0.0.1", port), 5) as sock:
                sock.settimeout(5 * SCALE)
                try:
                    sock.sendall(text)
                    while sock.recv(4096):
                        pass
                except ConnectionError:
                    pass
    viewers.check(1500)


@calm
@limit(90)
def test_stalled_handshakes_hold_nobody_up(t):
    """A thousand half-open handshakes, of which half have sent their hello: new viewers come in beside them, viewers
    see no gap, and all of them are gone after their time."""
    s = start(t, more="max_connections 3000;")
    s_conf = s.conf.replace("max_connections 1000;", "")
    s.stop()
    s.write_conf(s_conf)
    s.start()
    t.publish(s.url("live/x"))
    viewers = Viewers(t, [rtmps(s), https(s)])
    outgoing = ssl.MemoryBIO()
    hello = tls.context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    stalled = []
    for i in range(1000):
        sock = socket.create_connection(("127.0.0.1", s.values["rtmps"]), 5)
        sock.send(hello if i % 2 else hello[:30])
        stalled.append(sock)
    began = time.monotonic()
    late = t.probe(rtmps(s), keep=False)
    late.wait_frames(1, 5)
    assert time.monotonic() - began < 4 * SCALE
    viewers.check(1500)
    wait_for(lambda: s.descriptors < 60, 20, "the end of the stalled ones")
    for sock in stalled:
        sock.close()


@limit(90)
def test_many_viewers_come_at_once(t):
    """200 viewers over TLS within a second: all have a picture soon, and those who watched see no gap."""
    s = start(t)
    t.publish(s.url("live/x"), t.media(20))
    viewers = Viewers(t, [https(s)] * 5)
    sockets = []
    began = time.monotonic()
    for _ in range(200):
        sockets.append(socket.create_connection(("127.0.0.1", s.values["https"]), 5))
    request = b"GET /live/x.flv HTTP/1.1\r\nHost: x\r\n\r\n"
    ctx = tls.context()
    firsts = []

    def join(some):
        for sock in some:
            c = ctx.wrap_socket(sock)
            c.send(request)
            got = b""
            while len(got) < 1000:
                got += c.recv(65536)
            firsts.append(time.monotonic() - began)
            c.close()
    threads = [threading.Thread(target=join, args=(sockets[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(firsts) == 200 and max(firsts) < 8 * SCALE, sorted(firsts)[-5:]
    viewers.check(1500)


def test_sessions_are_resumed_by_another_process(t):
    """With common ticket keys a session that one process began is resumed by another one."""
    key = t.path("ticket.key")
    with open(key, "wb") as f:
        f.write(os.urandom(80))
    a = start(t, more=f"tls_ticket_keys {key};\n")
    b = t.server("b", a.conf.replace("a.key", f"{a.folder}/a.key").replace("a.crt", f"{a.folder}/a.crt")
                 .replace("./" + a.folder, a.folder).replace(str(a.rtmp), "$rtmp").replace(f":{a.api}", ":$api")
                 .replace(f":{a.http}", ":$http").replace(f":{a.values['rtmps']}", ":$rtmps")
                 .replace(f":{a.values['https']}", ":$https").replace("./srs.", "./b."),
                 values={"rtmps": free_port(), "https": free_port()})
    session = t.path("session")
    text = b"GET /api/v1/versions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for version in ("-tls1_2", "-tls1_3"):
        first = s_client(t, a.api, version, "-sess_out", session, "-ign_eof", text=text)
        assert "New, " in first, first
        assert "Reused, " in s_client(t, b.api, version, "-sess_in", session, "-ign_eof", text=text), version


def test_what_an_encrypted_viewer_gets_is_what_was_published(t):
    """Bit for bit: the messages of RTMPS and HTTPS players are those that the encoder sent."""
    s = start(t)
    sent = t.publish(rtmps(s), mark=True)
    probes = [t.probe(rtmps(s)), t.probe(https(s)), t.probe(s.url("live/x"))]
    for p in probes:
        p.wait_frames(150, 15)
    want = {bytes(m.payload) for m in flv.frames(list(sent.sent))}
    for p in probes:
        assert all(bytes(m.payload) in want for m in p.frames()), p
        assert not p.backwards() and not p.repeats(), p
