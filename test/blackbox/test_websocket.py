"""Streams over WebSocket, as players in browsers ask for them."""
import topology as top
from support import flv, mp4, websocket
from support.rtmp import Closed
from support.server import wait_for


def test_flv_over_websocket(t):
    """FLV comes in binary frames, from its header on, every message as it was published; a ping is answered
    between them, and a close by a close."""
    s = t.server("srs", top.local())
    p = t.publish(s.url("live/a"), t.media(10), mark=True)
    p.wait_sent(30)
    c = t.keep(websocket.Client(s.web("/live/a.flv")))
    assert c.status == 101
    c.say(9, b"here")
    data, others = c.binary(60000)
    more, more_others = c.binary(60000)
    assert (10, b"here") in others + more_others
    reader = flv.FlvReader()
    got = reader.feed(data + more)
    assert reader.flags == 5
    flv.assert_same(p.sent, got, least=50)
    c.say(8, b"\x03\xe8")
    try:
        while True:
            opcode, payload = c.frame()
            if opcode == 8:
                assert payload == b"\x03\xe8"
    except Closed:
        pass


def test_mp4_over_websocket(t):
    """Fragmented MP4 comes over WebSocket as over HTTP."""
    s = t.server("srs", top.local().replace("[stream].flv", "[stream].mp4"))
    t.publish(s.url("live/a"), t.media(10)).wait_sent(30)
    c = t.keep(websocket.Client(s.web("/live/a.mp4")))
    data, _ = c.binary(60000)
    at = data.index(b"moof") - 4
    entries = [k.entry for _, k in sorted(mp4.tracks(data[:at]).items())]
    assert entries == ["avc1", "mp4a"], (entries, data[:64])


def test_a_stream_that_ends_is_told(t):
    """The end of a stream is a close frame with the reason 1000."""
    s = t.server("srs", top.local(publish="reconnect_grace 0;"))
    p = t.publish(s.url("live/a"), t.media(10))
    p.wait_sent(30)
    c = t.keep(websocket.Client(s.web("/live/a.flv")))
    c.binary(10000)
    p.stop()
    last = None
    try:
        while True:
            last = c.frame()
    except Closed:
        pass
    assert last == (8, b"\x03\xe8"), last


def test_bad_requests_and_clients(t):
    """Another version is 426, no key 400, no stream 404; a client that breaks the rules costs itself alone."""
    s = t.server("srs", top.local())
    p = t.publish(s.url("live/a"), t.media(10))
    p.wait_sent(30)
    c = t.keep(websocket.Client(s.web("/live/a.flv"), version="8"))
    assert c.status == 426 and "Sec-WebSocket-Version: 13" in c.head, c.head
    assert t.keep(websocket.Client(s.web("/live/a.flv"), key="x")).status == 400
    good = t.keep(websocket.Client(s.web("/live/a.flv")))
    bad = t.keep(websocket.Client(s.web("/live/a.flv")))
    bad.binary(5000)
    bad.sock.sendall(b"\x82\x05hello")

    def is_out():
        try:
            bad.frame()
        except (Closed, ConnectionError):
            return True
    wait_for(is_out, 10, "the end of the bad one")
    data, _ = good.binary(50000)
    assert len(data) >= 50000
