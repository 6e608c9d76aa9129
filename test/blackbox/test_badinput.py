"""Whatever a peer sends ends that one connection, costs bounded memory and disturbs nobody."""
import random
import socket
import time

from siege import Watch
from support import SCALE, amf, httpc, rtmp
from support.rtmp import Closed, Message, Timeout


def ends(c, seconds=5.0):
    """The server ends this connection by itself."""
    try:
        deadline = time.monotonic() + seconds * SCALE
        while True:
            c.recv_some(deadline - time.monotonic())
    except Closed:
        c.close()


def connected(t, w):
    c = t.client(w.s.url("live/x"))
    c.connect()
    return c


def test_garbage_instead_of_a_handshake(t):
    """Garbage, an HTTP request or a TLS hello on the RTMP port end that connection, with a log line."""
    w = Watch(t)
    rng = random.Random(7)
    for text in (b"\x05" + rng.randbytes(4000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"x" * 1600,
                 b"\x16\x03\x01" + rng.randbytes(2000), b"\0" * 3000):
        c = t.client(w.s.url("live/x"), shake=False)
        c.send_raw(text)
        ends(c)
    for n in range(20):
        c = t.client(w.s.url("live/x"), shake=False)
        c.send_raw(b"\x03" + rng.randbytes(1536 + 1536 + 4000))
        ends(c)
    w.fine()
    w.s.wait_log("handshake")


def test_chunk_of_a_stream_never_opened(t):
    """A chunk of type 2 or 3 on a chunk stream that was never opened ends the connection."""
    w = Watch(t)
    for first in (0xC9, 0x89, 0xC0):
        c = connected(t, w)
        c.send_raw(bytes((first,)) + b"\x01" * 200)
        ends(c)
    w.fine()


def test_sixteen_megabyte_length(t):
    """A message that announces 16 MB costs no 16 MB before it has come, and is bounded when it comes."""
    w = Watch(t)
    conns = [connected(t, w) for _ in range(20)]
    for c in conns:
        c.send_raw(b"\x04\0\0\0\xff\xff\xff\x14\0\0\0\0" + b"\x02" * 1000)
    assert w.s.rss_kb - w.rss < 20000 * SCALE, w.s.rss_kb - w.rss
    for c in conns:
        try:
            for _ in range(400):
                c.send_raw(b"\xc4" + b"\x02" * 60000, 2)
                if w.s.rss_kb - w.rss > 100_000 * SCALE:
                    raise AssertionError("16 MB of a command were taken in on many connections at once")
        except (Closed, Timeout):
            pass
        c.close()
    w.fine(60000)


def throw(client, message):
    """Sends what ends the connection; the end may come before all of it is out."""
    try:
        client.send(message)
    except Closed:
        return
    ends(client)


def test_amf_nested_a_thousand_deep(t):
    """A connect nested a thousand deep is refused; later commands, also a hundred thousand deep, are ignored."""
    w = Watch(t)
    for opening in (b"\x03\0\x01a", b"\x0a\0\0\0\x01", b"\x08\0\0\0\x01\0\x01a"):
        c = t.client(w.s.url("live/x"))
        c.set_chunk_size(60000)
        throw(c, Message(rtmp.COMMAND, 0, 0, amf.encode("connect", 1) + opening * 1000, 3))
        c = connected(t, w)
        for depth in (1000, 100_000):
            c.send(Message(rtmp.COMMAND, 0, 0, amf.encode("x", 3) + opening * depth, 3))
        c.call("_checkbw", None)
        c.close()
    publisher = t.client(w.s.url("live/deep")).connect()
    publisher.publish()
    body = amf.encode("@setDataFrame", "onMetaData") + b"\x03\0\x01a" * 1000
    publisher.send(Message(rtmp.DATA, 0, publisher.sid, body, 4))
    publisher.close()
    w.fine()


def test_odd_control_messages(t):
    """Chunk sizes of 0 and beyond, short control messages and unknown types end at most their connection."""
    w = Watch(t)
    for kind, body in ((1, b"\0\0\0\0"), (1, b"\xff\xff\xff\xff"), (1, b""), (1, b"\0"), (2, b"\0\0"), (4, b"\0"),
                       (4, b"\0\x03\0"), (5, b""), (5, b"\0\0\0\0"), (6, b"\0"), (17, b""), (20, b""),
                       (20, b"\x02\xff\xff"), (22, b"\x09\xff\xff\xff"), (255, b"xyz"), (18, b"\x02"), (15,
                       b"\0"), (0, b"abcd")):
        c = connected(t, w)
        try:
            c.send(Message(kind, 0, 0, body, 3 if kind > 6 else 2))
            c.send(Message(kind, 0, 1, body, 3 if kind > 6 else 2))
        except Closed:
            pass
        c.close()
    w.fine()


def test_media_that_is_cut_short(t):
    """Empty and cut audio, video and data of a publisher do no harm to the server."""
    w = Watch(t)
    c = t.client(w.s.url("live/cut")).connect()
    c.publish()
    rng = random.Random(3)
    heads = (b"", b"\x17", b"\x17\0", b"\x17\0\0\0\0\x01", b"\x17\x01\0\0", b"\xaf", b"\xaf\0", b"\x90", b"\x90hvc",
             b"\x97\xff", b"\x96\x06hvc1", b"\x96\x10hvc1\0\xff\xff\xff", b"\x95Opus",
             b"\x17\0\0\0\0\x01\x64\0\x1f\xff\xe1\xff\xff")
    try:
        for n in range(400):
            body = heads[n % len(heads)] + rng.randbytes(rng.randrange(12))
            c.send(Message(rng.choice((8, 9, 9, 18)), n * 10, c.sid, body))
    except Closed:
        pass
    p = t.probe(w.s.flv("live/cut"))
    p.stop()
    c.close()
    w.fine()


def test_http_head_of_a_megabyte(t):
    """A request head of a megabyte is answered with an error or closed, on both HTTP ports, with bounded memory."""
    w = Watch(t)
    for port in (w.s.http, w.s.api):
        for text in (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000, b"GET /" + b"b" * 1_000_000,
                     b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 170_000):
            c = rtmp.Conn(rtmp.dial("127.0.0.1", port))
            try:
                c.send_raw(text, 3)
                answer = c.read_raw(12)
                assert answer.startswith(b"HTTP/1.1 4"), answer
            except Closed:
                pass
            c.close()
    w.fine()


def test_half_requests_and_silence(t):
    """Half a handshake, half a chunk and half an HTTP request, then silence: nobody else notices."""
    w = Watch(t)
    halves = []
    for _ in range(30):
        for port, text in ((w.s.rtmp, b"\x03" + b"\0" * 700), (w.s.http, b"GET /live/x.flv HTT"),
                           (w.s.api, b"POST /api")):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.sendall(text)
            halves.append(sock)
    c = connected(t, w)
    c.send_raw(b"\x03\0\0")
    for p in w.probes:
        p.wait_frames(30, after=time.monotonic())
    assert httpc.fetch(w.s.api_url("/api/v1/versions")).status == 200
    for sock in halves:
        sock.close()
    c.close()
    w.fine()


def test_http_nonsense(t):
    """Bad methods, versions, escapes and lengths get 4xx or a close."""
    w = Watch(t)
    for text in (b"\r\n\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"POST /api/v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"POST /api/v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
                 b"GET / HTTP/1.1\nHost: \0\n\n", bytes(range(256)) * 4):
        for port in (w.s.http, w.s.api):
            c = rtmp.Conn(rtmp.dial("127.0.0.1", port))
            c.send_raw(text)
            c.sock.shutdown(socket.SHUT_WR)
            try:
                while True:
                    c.recv_some(5 * SCALE)
            except Closed:
                pass
            c.close()
    w.fine()


def test_random_bytes_after_connect(t):
    """Random bytes after a good connect and after a good publish end at most that connection."""
    w = Watch(t)
    for seed in range(40):
        rng = random.Random(seed)
        c = connected(t, w)
        try:
            if seed % 2:
                c.url.stream = f"s{seed}"
                c.publish()
            c.send_raw(rng.randbytes(rng.randrange(1, 30000)), 2)
        except (Closed, Timeout):
            pass
        c.close()
    w.fine()


def test_player_that_floods_commands(t):
    """A player that floods its connection with commands and pings costs bounded memory."""
    w = Watch(t)
    c = connected(t, w)
    c.play()
    ping = c.writer.bytes(Message(rtmp.USER, 0, 0, b"\0\x06\0\0\0\x01", 2))
    call = c.writer.bytes(Message(rtmp.COMMAND, 0, 0, amf.encode("getStreamLength", 9, None, "x"), 3))
    try:
        for _ in range(300):
            c.send_raw((ping + call) * 200, 1)
    except (Closed, Timeout):
        pass
    assert w.s.rss_kb - w.rss < 30000 * SCALE, w.s.rss_kb - w.rss
    c.close()
    w.fine(30000)
