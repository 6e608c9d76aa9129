"""GB28181: which device is called for a name, and what its viewers hear when it is not."""
import json
import socket
import time

import topology as top
from support import SCALE, gb, httpc, srt
from support.server import wait_for

PLAY = "play { mw_latency 50; }"
ON_DEMAND = "invite on_demand; idle 1; reinvite 0.5; timeout 8;"


def start(t, caster="", sip=ON_DEMAND, vhost="", name="srs"):
    return t.server(name, top.conf(PLAY + vhost, top=gb.CONF % (caster, sip)))


def pictures(t, url):
    probe = t.probe(url)
    wait_for(lambda: len(srt.pictures(probe.messages)) > 5, 10, f"pictures of {url}")
    return probe


def test_a_refused_connection_is_told_at_once(t):
    """With tcp_active a device at whose port nobody listens is told to the viewer when the connection is refused, not after `timeout`."""
    s = start(t, "media tcp_active;")
    camera = gb.Camera(t, s, media="tcp_active", hold=True)
    port = camera.listener.getsockname()[1]
    camera.listener.close()
    camera.listener = type("Nobody", (), {"getsockname": lambda _: ("127.0.0.1", port), "close": lambda _: None})()
    began = time.monotonic()
    assert httpc.fetch(s.flv("live/" + camera.id), timeout=10).status == 404
    assert time.monotonic() - began < 4 * SCALE, "the viewer waited for the timeout"
    s.wait_log("does not take the connection for its media")


def test_a_viewer_of_hls_that_leaves_ends_the_call(t):
    """Who asks for a playlist on demand, and leaves before there is one, keeps the camera no longer than any other viewer."""
    s = start(t, sip="invite on_demand; idle 0.5; reinvite 0.5; timeout 30;", vhost="hls { enabled on; }")
    camera = gb.Camera(t, s, hold=True)
    with socket.create_connection(("127.0.0.1", s.http)) as sock:
        sock.sendall(f"GET /live/{camera.id}.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        camera.sip.wait_invite()
        wait_for(lambda: gb.api(s, camera.id)["call"] == "answered", 5, "the call")
    wait_for(camera.sip.byes, 5, "the good-bye")
    wait_for(lambda: gb.api(s, camera.id)["call"] == "none", 5, "no call")


def test_a_device_and_its_only_channel_are_one_stream(t):
    """A camera with one channel is played by the id of either, whichever was asked for first, with one call; HLS leads to the other name."""
    s = start(t, vhost="hls { enabled on; hls_fragment 1; }")
    for turn in (0, 1):
        channel = gb.device_id(131)
        camera = gb.Camera(t, s, channels=[channel])
        wait_for(lambda c=camera: len(gb.api(s, c.id)["channels"]) == 1, 5, "the channel")
        first, second = (camera.id, channel) if turn else (channel, camera.id)
        one, other = pictures(t, s.url("live/" + first)), pictures(t, s.flv("live/" + second))
        answer = httpc.fetch(s.web(f"/live/{second}.m3u8?token=a"))
        assert answer.status == 302 and answer.headers["location"] == f"/live/{first}.m3u8?token=a", answer.headers
        assert len(camera.sip.invites()) == 1
        one.stop()
        other.stop()
        wait_for(camera.sip.byes, 10, "the good-bye")


def test_a_channel_of_two_devices_is_that_of_the_first(t):
    """A device that names a channel of another one does not get its viewers; the log says so once. It has the channel when the first
    one is off line."""
    s = start(t)
    channels = [gb.device_id(131) for _ in range(3)]
    first = gb.Camera(t, s, user=gb.device_id(118), channels=channels)
    wait_for(lambda: len(gb.api(s, first.id)["channels"]) == 3, 5, "channels of the first")
    second = gb.Camera(t, s, user=gb.device_id(118), channels=channels)
    wait_for(lambda: len(gb.api(s, second.id)["channels"]) == 3, 5, "channels of the second")
    probe = pictures(t, s.url("live/" + channels[1]))
    assert first.sip.invites() and not second.sip.invites()
    assert s.log().count("keeps it while it is on line") == 1
    probe.stop()
    wait_for(first.sip.byes, 10, "the good-bye")
    first.sip.register(expires=0)
    wait_for(lambda: not gb.api(s, first.id)["online"], 5, "off line")
    pictures(t, s.url("live/" + channels[1]))
    assert len(second.sip.invites()) == 1


def drain(server, method):
    assert json.loads(httpc.fetch(server.api_url("/api/v1/drain"), method=method).content)["code"] == 0


def test_a_drain_that_is_called_off_calls_again(t):
    """With `invite auto` a camera whose call a drain has ended is called again when the drain is called off."""
    s = start(t, sip="invite auto; reinvite 0.2;")
    camera = gb.Camera(t, s)
    s.wait_live(camera.id, 10)
    drain(s, "POST")
    camera.stop_media()
    wait_for(lambda: gb.api(s, camera.id)["call"] == "none", 5, "the end of the call")
    drain(s, "DELETE")
    camera.sip.wait_invite(2)
    s.wait_live(camera.id, 10)
