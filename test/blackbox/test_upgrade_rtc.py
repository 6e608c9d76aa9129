"""WebRTC over an upgrade in place (SIGUSR2): two processes share one UDP port, and nobody loses a session."""
import os
import signal
import socket

import topology as top
from support import SCALE, httpc, rtc
from support.case import limit
from support.server import free_port, wait_for
from test_rtc_media import heard, media_file, wait_heard
from test_upgrade import Generations, is_alive

SERVER = rtc.SERVER % "" + "grace_final_wait 10;\n"
BOTH = {"rtc-publish", "rtc-play"}


def start(t, more=""):
    s = t.server("srs", top.conf(rtc.VHOST % more, top=SERVER))
    return s, Generations(t, s)


def api_of(generations):
    """/api/v1/rtc of the process before the newest one, and of the newest."""
    former = generations.drain()["former"]["api"]
    return httpc.fetch_json(f"http://{former}/api/v1/rtc"), rtc.api(generations.server)


def kinds(found):
    return sorted(s["type"] for s in found["sessions"] if s["state"] == "connected")


def whip(s, name):
    return s.api_url(f"/rtc/v1/whip/?app=live&stream={name}")


def whep(s, name):
    return s.api_url(f"/rtc/v1/whep/?app=live&stream={name}")


@limit(90)
def test_peers_go_on_and_newcomers_land_at_the_new_process(t):
    """A publisher and a player go on at the process that was replaced, twice, without a packet lost; newcomers publish to
    and play from the newest one, the old stream among others; the old process ends with its last peer."""
    (s, generations), path = start(t), media_file(t)
    old = rtc.aiortc(t, ("publish", whip(s, "a"), path), ("play", whep(s, "a")), name="old")
    wait_heard(old, {"video": 25, "loud": 25}, i=1)
    generations.upgrade()
    was = heard(old, 1)
    wait_heard(old, {"video": was["video"] + 50, "loud": was["loud"] + 50}, i=1)
    former, newest = api_of(generations)
    assert kinds(former) == sorted(BOTH) and newest["sessions"] == [], (former, newest)
    assert newest["rtc"]["crossed"]["handed"] > 100 and newest["rtc"]["crossed"]["dropped"] == 0, newest["rtc"]
    assert former["rtc"]["crossed"]["taken"] > 100, former["rtc"]
    assert former["rtc"]["udp_port"] == newest["rtc"]["udp_port"] == s.rtc
    new = rtc.aiortc(t, ("play", whep(s, "a")), ("publish", whip(s, "b"), path), ("play", whep(s, "b")), name="new")
    wait_heard(new, {"video": 25, "loud": 25}, i=0)
    wait_heard(new, {"video": 25, "loud": 25}, i=2)
    assert kinds(rtc.api(s)) == ["rtc-play", "rtc-play", "rtc-publish"]

    generations.upgrade()                       # the first process is reached through the second one now
    was = [heard(old, 1)["video"], heard(new, 0)["video"], heard(new, 2)["video"]]
    wait_heard(old, {"video": was[0] + 50}, i=1)
    wait_heard(new, {"video": was[1] + 50}, i=0)
    wait_heard(new, {"video": was[2] + 50}, i=2)
    middle, newest = api_of(generations)
    assert kinds(middle) == ["rtc-play", "rtc-play", "rtc-publish"] and newest["sessions"] == [], (middle, newest)
    assert middle["rtc"]["crossed"]["taken"] > 100 and middle["rtc"]["crossed"]["dropped"] == 0, middle["rtc"]
    for found in middle["sessions"]:
        assert found.get("received", {}).get("lost", 0) == 0 and found.get("sent", {}).get("asked_again", 0) == 0, found
    assert heard(old, 1)["pause"] < SCALE * 1.0 and heard(old, 1)["state"] == "connected", rtc.report(old)
    old.signal(signal.SIGTERM)
    wait_for(lambda: not is_alive(generations.pids[0]), 15, "the end of the first process")
    was = heard(new, 2)["video"]
    wait_heard(new, {"video": was + 25}, i=2)
    new.signal(signal.SIGTERM)
    wait_for(lambda: not is_alive(generations.pids[1]), 15, "the end of the second process")
    last = rtc.aiortc(t, ("publish", whip(s, "a"), path), ("play", whep(s, "a")), name="last")
    wait_heard(last, {"video": 25, "loud": 25}, i=1)


def check_answered(s, answer):
    """The session of that answer is reached at the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.settimeout(5 * SCALE)
        u.sendto(rtc.check(answer.content, rtc.PUBLISH), ("127.0.0.1", s.rtc))
        return u.recv(1500)[:2] == b"\x01\x01"


def test_a_peer_that_was_answered_connects_after_the_upgrade(t):
    """The first datagram of a session of the old process comes when the new one reads the port."""
    s, generations = start(t)
    answer = rtc.whip(s, "a")
    assert answer.status == 201
    generations.upgrade()
    assert check_answered(s, answer)
    assert check_answered(s, rtc.whip(s, "b"))


def check_answered_over_tcp(port, answer, more=b""):
    """The same over TCP (RFC 4571), with the beginning of another packet behind it; the connection, which stays."""
    check = rtc.check(answer.content, rtc.PUBLISH)
    sock = socket.create_connection(("127.0.0.1", port), timeout=5 * SCALE)
    sock.sendall(len(check).to_bytes(2, "big") + check + more)
    assert sock.recv(1500)[2:4] == b"\x01\x01"
    return sock


def test_a_peer_over_tcp_that_was_answered_connects_after_upgrades(t):
    """A connection to the TCP port of the new process, whose first packet is a check for a session of the old one, or the one before it,
    is handed over as it is, and the session goes on there; others stay."""
    tcp = free_port()
    s = t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % f"tcp {{ enabled on; listen 127.0.0.1:{tcp}; }}" + "grace_final_wait 10;\n"))
    generations = Generations(t, s)
    first = rtc.whip(s, "a")
    generations.upgrade()
    second = rtc.whip(s, "b")
    generations.upgrade()
    check = rtc.check(first.content, rtc.PUBLISH, transaction=b"another-once")
    packet = len(check).to_bytes(2, "big") + check
    with check_answered_over_tcp(tcp, first, packet[:7]) as sock, check_answered_over_tcp(tcp, second), \
            check_answered_over_tcp(tcp, rtc.whip(s, "c")):
        sock.sendall(packet[7:])        # what had come with the first packet went along
        assert b"another-once" in sock.recv(1500)
    with socket.create_connection(("127.0.0.1", tcp), timeout=5 * SCALE) as sock:
        sock.sendall(len(check).to_bytes(2, "big") + check.replace(b":", b"x", 1))
        assert sock.recv(10) == b""


def test_the_old_process_reads_again_when_the_new_one_dies(t):
    """The new process is killed: peers of the old one are served on, though nobody listens for others any more."""
    s, generations = start(t)
    answer = rtc.whip(s, "a")
    newest = generations.upgrade()
    assert check_answered(s, answer)
    os.kill(newest, signal.SIGKILL)
    wait_for(lambda: "has ended" in s.log(), 10, "the news")
    assert check_answered(s, answer)


def test_sessions_of_the_old_process_are_restarted_and_ended_by_their_urls(t):
    """PATCH and DELETE reach the new process, which knows nothing of them, and are answered by the old one."""
    s, generations = start(t)
    answer = rtc.whip(s, "a")
    url = s.api_url(answer.headers["location"])
    generations.upgrade()
    generations.upgrade()
    restart = b"a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n"
    patch = {**rtc.FRAGMENT, "If-Match": answer.headers["etag"]}
    r = httpc.fetch(url, "PATCH", patch, restart)
    assert r.status == 200 and r.headers["content-type"] == "application/trickle-ice-sdpfrag", r.status
    assert r.headers["etag"] != answer.headers["etag"]
    assert httpc.fetch(url, "PATCH", patch, restart).status == 412
    assert httpc.fetch(url, "DELETE").status == 200
    wait_for(lambda: not any(is_alive(p) for p in generations.pids[:-1]), 15, "the end of the old processes")
    assert httpc.fetch(url, "DELETE").status == 404


@limit(90)
def test_a_server_of_webrtc_alone_asks_the_old_publisher_for_key_frames(t):
    """With rtmp_to_rtc and rtc_to_rtmp off: a player of the new process, and another one later, see the publisher of the
    old one, though no key frame comes by itself, and that of an encoder by RTMP is refused to them as ever."""
    s = t.server("srs", top.conf("rtc { enabled on; }", top=SERVER))
    generations = Generations(t, s)
    old = rtc.aiortc(t, ("publish", whip(s, "a"), media_file(t)), name="old")
    wait_for(lambda: kinds(rtc.api(s)) == ["rtc-publish"], 15, "the publisher")
    t.publish(s.url("live/r"))
    s.wait_live("r")
    generations.upgrade()
    for name in ("first", "second"):
        player = rtc.aiortc(t, ("play", whep(s, "a")), name=name)
        wait_heard(player, {"video": 25, "loud": 25})
    assert rtc.whep(s, "r").status == 403
    asked = [x["received"]["key_frames_asked"] for x in api_of(generations)[0]["sessions"]]
    assert asked and asked[0] >= 2, asked
    assert old.alive
