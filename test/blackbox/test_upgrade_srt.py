"""SRT over an upgrade in place (SIGUSR2): two processes have a socket each at one port, and the kernel tells packets apart."""
import socket

import topology as top
from support import httpc, srt
from support.case import calm, limit
from support.server import wait_for
from test_upgrade import Generations, is_alive


def start(t):
    srt.need(t)
    s = t.server("srs", top.conf(srt.VHOST % "" + "play { mw_latency 50; }", top=srt.SERVER % "" + "grace_final_wait 10;\n"))
    return s, Generations(t, s)


def former(generations):
    return httpc.fetch_json(f"http://{generations.drain()['former']['api']}/api/v1/srt")


def types(found):
    return sorted(s["type"] for s in found["sessions"])


def received(found, kind="srt-publish"):
    return [s["received"] for s in found["sessions"] if s["type"] == kind]


@calm
@limit(90)
def test_callers_go_on_and_others_come_to_the_new_process(t):
    """A publisher and a player of the old process go on without a packet lost for good, newcomers publish to and play from
    the new one within a second, what the old one has among it; a third process has the port when the first one has ended."""
    s, generations = start(t)
    path = srt.media_file(t, seconds=4)
    publisher = srt.ffmpeg(t, path, srt.publish_url(s))
    s.wait_live("a", 10)
    player = t.spawn(["ffmpeg", "-nostdin", "-v", "warning", "-i", srt.play_url(s), "-c", "copy", "-f", "null", "-"], "player")
    wait_for(lambda: len(types(srt.api(s))) == 2, 10, "both of them")
    generations.upgrade()
    wait_for(lambda: srt.api(s)["srt"]["ports"] == [s.srt], 3, "the port at the new process")
    before = received(former(generations))[0]["packets"]
    other = srt.ffmpeg(t, path, srt.publish_url(s, "live/b"))
    s.wait_live("b", 10)
    assert srt.probe(srt.play_url(s, "live/a"))["h264"] > 25    # the old one's, relayed
    assert srt.probe(srt.play_url(s, "live/b"))["h264"] > 25
    old, new = former(generations), srt.api(s)
    assert types(old) == ["srt-play", "srt-publish"] and types(new) == ["srt-publish"], (old, new)
    assert received(old)[0]["packets"] > before + 100, old
    assert received(old)[0]["dropped"] == 0 and received(new)[0]["dropped"] == 0, (old, new)
    assert publisher.alive and player.alive and other.alive

    generations.upgrade()           # the first process has a part in the port: the third one waits
    assert srt.api(s)["srt"]["ports"] == []
    before = received(former(generations))[0]["packets"]
    wait_for(lambda: received(former(generations))[0]["packets"] > before + 50, 10, "packets of b")
    publisher.interrupt()
    player.interrupt()
    wait_for(lambda: not is_alive(generations.pids[0]), 15, "the end of the first process")
    wait_for(lambda: srt.api(s)["srt"]["ports"] == [s.srt], 10, "the port at the third process")
    assert srt.probe(srt.play_url(s, "live/b"))["h264"] > 25
    assert received(former(generations))[0]["dropped"] == 0
    last = srt.ffmpeg(t, path, srt.publish_url(s, "live/c"))
    s.wait_live("c", 10)
    other.interrupt()
    wait_for(lambda: not is_alive(generations.pids[1]), 15, "the end of the second process")
    assert srt.probe(srt.play_url(s, "live/c"))["h264"] > 25
    assert last.alive


def may_be_bound(port):
    """Beside the server, by another process that would share it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            u.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_a_port_without_callers_moves_at_once(t):
    """An old process that nobody calls leaves its port, and the new one takes callers there; the port is its own alone then."""
    s, generations = start(t)
    wait_for(lambda: srt.api(s)["srt"]["ports"] == [s.srt], 5, "the port")
    assert not may_be_bound(s.srt)
    generations.upgrade()
    wait_for(lambda: srt.api(s)["srt"]["ports"] == [s.srt], 3, "the port at the new process")
    assert srt.call(s, "#!::r=live/a,m=request")["connected"]
    wait_for(lambda: not is_alive(generations.pids[0]), 15, "the end of the old process")
    wait_for(lambda: not may_be_bound(s.srt), 5, "the end of sharing")
    assert srt.call(s, "#!::r=live/a,m=request")["connected"]
