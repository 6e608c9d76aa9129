"""WebRTC from strangers: floods, forgeries and repetitions cost them their datagrams, and nobody else anything."""
import itertools
import os
import random
import socket

import topology as top
from support import rtc
from support.case import calm
from support.server import wait_for

MEGABYTE = 1 << 20


def start(t):
    return t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % ""))


def memory(server):
    with open(f"/proc/{server.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def player(t, server):
    """A peer that plays live/a, and how many pictures it has decoded so far."""
    server_media = t.publish(server.url("live/a"), t.media(20, gop=1.0))
    wait_for(lambda: (server.stream("a") or {}).get("video"), 10, "the stream")
    peer = rtc.aiortc(t, ("play", server.api_url("/rtc/v1/whep/?app=live&stream=a")))
    wait_for(lambda: pictures(peer) > 20, 20, "pictures")
    return peer, server_media


def pictures(peer):
    return (rtc.report(peer).get("peers") or [{}])[0].get("video", 0)


def test_floods_disturb_nobody(t):
    """Garbage of every kind, checks for nobody, forged and repeated checks: no growth, no answer, and a player goes on."""
    s = start(t)
    peer, _ = player(t, s)
    answer = rtc.whip(s, "victim").content
    before, seen = memory(s), pictures(peer)
    rng = random.Random(7)

    def victim():
        return next(x for x in rtc.api(s)["sessions"] if x["type"] == "rtc-publish")
    forged = [rtc.check(answer, rtc.PUBLISH, pwd="x" * 22), rtc.check(answer, rtc.PUBLISH, ufrag="nobody12", pwd="x" * 22)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.connect(("127.0.0.1", s.rtc))
        numbers = itertools.count()

        def flood(count):
            for i in itertools.islice(numbers, count):
                first = bytes([i % 256])
                u.send(first + rng.randbytes(rng.randrange(60)) if i % 3 else forged[i % 2])

        def enough():
            counts = rtc.api(s)["rtc"]["datagrams"]
            return counts["unknown_peer"] > 1000 and counts["malformed"] > 100 and counts["unknown_name"] > 1000 and \
                victim()["forged_checks"] > 40
        flood(20000)
        wait_for(lambda: enough() or flood(2000), 20, "enough of the flood")      # much of it may have found no room
        u.settimeout(0.3)
        try:
            raise AssertionError(f"a stranger was answered: {u.recv(2000)[:40]!r}")
        except TimeoutError:
            pass

        def answered():
            # As a peer does it: the flood may have filled the socket's buffer.
            u.send(rtc.check(answer, rtc.PUBLISH))
            try:
                return u.recv(2000)[:2] == b"\x01\x01"
            except TimeoutError:
                return False
        wait_for(answered, 5, "an answer to the peer itself")
    assert victim()["state"] == "answered", victim()
    wait_for(lambda: pictures(peer) > seen + 20, 10, "further pictures")
    assert memory(s) - before < 4 * MEGABYTE, memory(s) - before


@calm
def test_offers_without_peers_have_a_limit(t):
    """Offers whose peers never come are refused with 503 beyond the limit of connections, and none of it stays."""
    s = t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % "").replace("max_connections 1000", "max_connections 60"))
    statuses = [rtc.whep(s, f"n{i}").status for i in range(90)]
    assert statuses.count(201) >= 20 and statuses[-1] == 503, statuses
    found = rtc.api(s)["rtc"]
    assert found["half_open"] <= 60 and found["sessions"] == found["half_open"], found
    rtc.wait_sessions(s, 0, 20)
    assert rtc.whep(s, "a").status == 201


def test_nonsense_over_tcp(t):
    """Streams to the TCP port that are no peer's end at once, and long ones cost nothing."""
    s = t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % "tcp { enabled on; listen 127.0.0.1:$tcp; }"),
                 values={"tcp": top.free_port()})
    address = ("127.0.0.1", int(s.values["tcp"]))
    answer = rtc.whip(s, "a").content
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff" + bytes(100), b"\x00\x05hello", b"\x00\x00"):
        with socket.create_connection(address, timeout=5) as c:
            c.sendall(said)
            assert c.recv(100) == b"", said
    check = rtc.check(answer, rtc.PUBLISH)
    with socket.create_connection(address, timeout=5) as c:
        for byte in len(check).to_bytes(2, "big") + check:
            c.send(bytes([byte]))
        head = c.recv(2)
        assert c.recv(int.from_bytes(head, "big"))[:2] == b"\x01\x01"
        assert rtc.api(s)["sessions"][0]["path"]["transport"] == "tcp"
    wait_for(lambda: rtc.api(s)["sessions"][0]["path"] is None, 5, "the end of the path")
