"""What TLS does besides the ciphers: the size of its records, the kernel's part in it, words about certificates, and servers
that sign for each other through it."""
import socket
import ssl

import topology as top
from cluster_client import SIGNED
from support import rtmp, tls
from support.flv import FlvReader
from support.server import wait_for
from test_access import hooks, link, play_refused, publish_refused, service, told, vhost
from test_tls import Viewers, https, rtmps, start
from test_tls_cluster import edge, origin, pair

RECORD_HEAD, SMALL, MOST = 5, 1360 + 22, 16384 + 256


def records(sock, name, request, count):
    """The lengths of records behind the handshake of TLS 1.3, and the bytes that were in them, of the first `count` bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ctx = tls.context()
    ctx.minimum_version = ssl.TLSVersion.TLSv1_3
    client = ctx.wrap_bio(incoming, outgoing, server_hostname=name)
    raw, lengths, body = b"", [], b""
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
    client.write(request)
    sock.sendall(outgoing.read())
    while len(body) < count:
        data = sock.recv(65536)
        assert data, "the server closed the connection"
        raw += data
        incoming.write(data)
        while len(raw) >= RECORD_HEAD and len(raw) >= RECORD_HEAD + int.from_bytes(raw[3:5], "big"):
            lengths.append(int.from_bytes(raw[3:5], "big"))
            raw = raw[RECORD_HEAD + lengths[-1]:]
        try:
            while True:
                body += client.read(65536)
        except ssl.SSLWantReadError:
            pass
    return lengths, body


def test_the_first_records_are_small_and_the_rest_are_not(t):
    """The first 16 KB of a connection come in records of a packet's size, so that a viewer can use the first of them at once;
    then a record has up to 16 KB, however many messages that are."""
    s = start(t, vhost="")
    t.publish(s.url("live/x"), t.media(20), speed=4, burst=2000)
    sock = t.keep(rtmp.dial("127.0.0.1", s.values["https"], 5))
    sock.setblocking(True)
    sock.settimeout(10)
    lengths, body = records(sock, "localhost", b"GET /live/x.flv HTTP/1.1\r\nHost: x\r\n\r\n", 300000)
    first, done = 0, 0
    while done < 16000:
        done += lengths[first]
        first += 1
    assert all(n <= SMALL for n in lengths[:first - 1]), lengths[:first]
    assert max(lengths) <= MOST and max(lengths) > 8000, sorted(lengths)[-5:]
    data = body.partition(b"\r\n\r\n")[2]
    assert body.startswith(b"HTTP/1.1 200") and len(FlvReader().feed(unchunked(data))) > 100


def unchunked(data):
    """The body of what came in chunks, as far as they are whole."""
    if not data[:1].isalnum() or data.startswith(b"FLV"):
        return data
    out = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        n = int(size, 16) if size else 0
        if len(rest) < n + 2:
            break
        out, data = out + rest[:n], rest[n + 2:]
    return out


def kernel_can():
    """Whether a connection can be given to the kernel's TLS at all."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as c:
        try:
            c.setsockopt(socket.IPPROTO_TCP, 31, b"tls")     # TCP_ULP
        except OSError:
            return False
    return True


def test_the_kernel_is_asked_to_encrypt_where_it_can(t):
    """`ktls on`: players are served, and other ones after a reload, whether or not the kernel can do it; the API says whether it did."""
    s = start(t, more="ktls on;")
    t.publish(s.url("live/x"))
    viewers = Viewers(t, [rtmps(s), https(s)])
    shakes = s.json("/api/v1/certificates")["handshakes"]
    assert shakes["accepted"] >= 2 and 0 <= shakes["kernel"] <= shakes["accepted"] and (kernel_can() or not shakes["kernel"]), shakes
    s.write_conf(s.conf.replace("ktls on;", "ktls off;"))
    s.signal(1)
    s.wait_log("the new configuration is in use")
    t.probe(https(s)).wait_frames(10, 10)
    assert s.json("/api/v1/certificates")["handshakes"]["kernel"] == shakes["kernel"]
    viewers.check(1500)


def test_the_log_tells_of_certificates_that_end(t):
    """A certificate that ends within two weeks is a warning at start, with the time; one of a month is none."""
    s = start(t, days=5)
    s.wait_log(r"WARN.*RTMPS: the certificate ./a.crt expires soon \(\d{4}-\d\d-\d\d")
    long = start(t, name="long", days=30)
    long.wait_log("certificate ./a.crt for localhost")
    assert "expires soon" not in long.log()


def test_servers_sign_for_each_other_through_tls(t):
    """With a secret and `protocol rtmps` or `flvs`, an edge proves itself through the encrypted connection; one without it is a
    player."""
    ca = pair(t)
    o = origin(t, "origin", ca, f"cluster {{ mode local; {SIGNED} }}")
    t.publish(o.url("live/a"))
    for protocol, port in (("rtmps", "rtmps"), ("flvs", "https")):
        e = edge(t, protocol, f"127.0.0.1:{o.values[port]}", protocol, SIGNED, ca)
        t.probe(e.url("live/a")).wait_frames(10, 10)
        counts = o.json("/api/v1/summaries")["data"]["cluster"]["refused"]
        assert not any(counts[k] for k in ("unsigned", "forged", "late", "replayed")), counts
        e.stop()
    e = edge(t, "stranger", f"127.0.0.1:{o.values['rtmps']}", "rtmps", "", ca)
    t.probe(e.url("live/a")).wait_frames(10, 10)
    wait_for(lambda: o.json("/api/v1/summaries")["data"]["cluster"]["refused"]["unsigned"], 5, "the count of the unsigned one")


def test_edges_check_signed_links_themselves(t):
    """An edge with the same block lets in who has a link and no others, and is itself let in by the origin without one."""
    links = "signed_links { enabled on; keys k1:0123456789abcdef; publish off; }"
    ca = pair(t)
    o = origin(t, "origin", ca, f"cluster {{ mode local; relays 127.0.0.1; }} {links}")
    t.publish(o.url("live/x"))
    good = link("live/x")
    own = t.server("own", top.conf(f"cluster {{ mode remote; origin 127.0.0.1:{o.rtmp}; }} {links}"))
    t.probe(own.url(good)).wait_frames(3).stop()
    assert "not signed" in play_refused(t, own.url("live/x")) and "is wrong" in play_refused(t, own.url(link("live/y").replace("/y", "/x")))


def named_pair(t, name):
    """A certificate for that name alone, and its key."""
    tls.make_pair(t.path(name), name)
    return t.path(name + ".crt"), t.path(name + ".key")


def test_hooks_over_https_that_expect_a_name(t):
    """A service that is reached by its address proves the name that `tls_name` says, to questions and notices alike; without it,
    or with another one, it gives no answer."""
    cert = named_pair(t, "hooks.example")
    h = service(t, cert=cert)
    both = hooks(h.url(), ("on_publish", "on_unpublish", "on_hls"), f"on_hls_notify {h.url('/warm')}; %s")
    conf = "publish { reconnect_grace 0; } hls { enabled on; hls_fragment 1; } "

    def start(name, more):
        return t.server(name, vhost(conf + both % more, top=f"tls_ca {cert[0]};"))
    good = start("good", "tls_name hooks.example;")
    p = t.publish(good.url("live/x"), t.media(4, gop=1.0))
    assert told(h, "on_publish")
    wait_for(lambda: h.of("on_hls") and h.fetched, 20, "a segment that is told of, and fetched")
    p.stop()
    assert told(h, "on_unpublish")
    for name, more in (("bare", ""), ("other", "tls_name other.example;")):
        before = len(h.of("on_publish"))
        s = start(name, more)
        assert "cannot be asked" in publish_refused(t, s.url("live/x"))
        s.wait_log("mismatch")
        assert len(h.of("on_publish")) == before, h.heard
