"""GB28181: cameras that register, are called, and send; by themselves, on demand, and through a cluster."""
import json
import re
import signal

import topology as top
from support import gb, httpc, srt
from support.server import free_port, wait_for

PLAY = "play { mw_latency 50; }"


def start(t, caster="", sip="", vhost="", name="srs", values=None):
    return t.server(name, top.conf(PLAY + vhost, top=gb.CONF % (caster, sip)), values=values)


ON_DEMAND = "invite on_demand; idle 1; reinvite 0.5; timeout 3;"


def test_a_camera_is_called_and_played(t):
    """A camera that registers is called at once; its pictures and sound come out bit for bit, by RTMP and HTTP-FLV."""
    s = start(t)
    camera = gb.Camera(t, s)
    s.wait_live(camera.id, 10)
    rtmp, web = t.probe(s.url("live/" + camera.id)), t.probe(s.flv("live/" + camera.id), idle=30)
    for probe in (rtmp, web):
        wait_for(lambda p=probe: len(srt.pictures(p.messages)) > 40, 10, "pictures")
        assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages))
        assert srt.is_within(srt.sounds(probe.messages), srt.sounds(camera.messages))
        assert abs(srt.spread(probe.messages)) <= 60
    device = gb.api(s, camera.id)
    assert device["online"] and device["call"] == "live" and device["transport"] == "TCP", device
    client = next(c for c in s.clients() if c["type"] == "gb28181-publish")
    assert client["publish"]


def test_media_may_come_in_every_way(t):
    """SIP by TCP and UDP; media by TCP, by TCP from this server's side, and by UDP."""
    for transport, media in (("udp", "tcp"), ("tcp", "tcp_active"), ("udp", "udp")):
        s = start(t, f"media {media};", name=f"{transport}-{media}")
        camera = gb.Camera(t, s, transport=transport, media=media)
        s.wait_live(camera.id, 10)
        probe = t.probe(s.url("live/" + camera.id))
        wait_for(lambda p=probe: len(srt.pictures(p.messages)) > 20, 10, "pictures")
        assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages)), media
        offer = gb.Offer(camera.sip.invites()[0])
        assert offer.protocol == ("RTP/AVP" if media == "udp" else "TCP/RTP/AVP") and offer.channel == camera.id
        assert offer.setup == {"tcp": "passive", "tcp_active": "active", "udp": ""}[media]
        assert gb.api(s, camera.id)["transport"] == transport.upper()
        s.stop()
        wait_for(camera.sip.byes, 5, "the good-bye at the end of the server")


def test_one_invitation_for_all_who_watch(t):
    """A device on demand is silent until somebody watches; ten viewers make one INVITE; when the last has left, it is told good-bye."""
    s = start(t, sip=ON_DEMAND)
    camera = gb.Camera(t, s)
    wait_for(lambda: gb.api(s, camera.id)["online"], 5, "the device")
    assert s.json("/api/v1/streams/")["streams"] == [] and not camera.sip.invites()
    probes = [t.probe((s.url if i % 2 else s.flv)("live/" + camera.id), idle=30) for i in range(10)]
    for probe in probes:
        wait_for(lambda p=probe: len(srt.pictures(p.messages)) > 5, 10, "pictures")
    assert len(camera.sip.invites()) == 1
    for probe in probes[1:]:
        probe.stop()
    wait_for(lambda: len(s.clients()) == 2, 5, "one viewer")
    assert not camera.sip.byes()
    probes[0].stop()
    wait_for(camera.sip.byes, 10, "the good-bye")
    s.wait_ended(camera.id, 5)
    wait_for(lambda: gb.api(s, camera.id)["call"] == "none", 5, "no call")
    again = t.probe(s.url("live/" + camera.id))
    wait_for(lambda: len(srt.pictures(again.messages)) > 5, 10, "pictures again")
    assert len(camera.sip.invites()) == 2


def test_channels_are_known_and_called(t):
    """A recorder tells its channels, with names in GB18030; a channel is played by its id, and the INVITE names it."""
    s = start(t, sip=ON_DEMAND)
    channels = [gb.device_id() for _ in range(5)]
    recorder = gb.Camera(t, s, user=gb.device_id(118), channels=channels)
    wait_for(lambda: len(gb.api(s, recorder.id)["channels"]) == 5, 5, "channels")
    first = gb.api(s, recorder.id)["channels"][0]
    assert first["id"] == channels[0] and first["name"] == "摄像头 0" and first["on"], first
    probe = t.probe(s.url("live/" + channels[3]))
    wait_for(lambda: len(srt.pictures(probe.messages)) > 5, 10, "pictures")
    offer = gb.Offer(recorder.sip.invites()[0])
    assert offer.channel == channels[3]
    assert offer.subject == f"{channels[3]}:{offer.ssrc:010d},{gb.SERVER_ID}:0", offer.subject
    assert f"{offer.ssrc:010d}".startswith("020000")
    assert {c["id"]: c["call"] for c in gb.api(s, recorder.id)["channels"]}[channels[3]] == "live"


def test_a_camera_that_refuses_is_told_to_the_viewer(t):
    """486, silence and a device that is off line: the viewer is refused with that reason, in time."""
    s = start(t, sip="invite on_demand; timeout 1; reinvite 0.2;")
    busy, silent = gb.Camera(t, s, status=486), gb.Camera(t, s, status=None)
    answered = httpc.fetch(s.flv("live/" + busy.id), timeout=10)
    assert answered.status == 404, answered.status
    s.wait_log("the device refuses: 486")
    answered = httpc.fetch(s.flv("live/" + silent.id), timeout=10)
    assert answered.status == 404, answered.status
    s.wait_log("the device does not answer")
    assert gb.api(s)["gb28181"]["refused"] == 1
    probe = t.probe(s.url("live/" + busy.id))
    wait_for(lambda: "NetStream.Play.StreamNotFound" in probe.codes, 5, "the refusal")


def test_devices_prove_who_they_are(t):
    """With a password: challenged, let in by the right one, refused with a wrong one; devices may have their own; a reload changes them."""
    own, unknown = gb.device_id(), gb.device_id()
    s = start(t, sip=f"password common; device {own} secret; invite off;")
    for transport in ("tcp", "udp"):
        camera = t.keep(gb.Sip(s.sip, transport=transport, password="common"))
        assert camera.register().status == 200
        assert camera.register().status == 200, "a registration that is refreshed"
        wrong = t.keep(gb.Sip(s.sip, user=unknown, transport=transport, password="wrong"))
        assert wrong.register().status == 403
        assert wrong.keepalive().status == 403
    assert t.keep(gb.Sip(s.sip, user=own, password="common")).register().status == 403
    one = t.keep(gb.Sip(s.sip, user=own, password="secret"))
    answer = one.register()
    assert answer.status == 200 and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$", answer["Date"]), answer.headers
    assert answer["Expires"] == "3600" and "tag=" in answer["To"]
    s.write_conf(s.conf.replace("device ", "only_listed on; device "))
    s.signal(signal.SIGHUP)
    wait_for(lambda: t.keep(gb.Sip(s.sip, password="common")).register().status == 403, 5, "the reload")
    assert "secret" not in s.log() and "common" not in s.log()


def test_what_a_stranger_says_is_not_answered(t):
    """Anything but a registration, from who has not registered, gets no answer; a broken message ends a connection, and nothing else."""
    s = start(t, sip="invite off;")
    camera = t.keep(gb.Sip(s.sip))
    assert camera.register().status == 200
    for transport in ("tcp", "udp"):
        stranger = t.keep(gb.Sip(s.sip, user="friendly-scanner", transport=transport))
        for method in ("OPTIONS", "INVITE", "REGISTER", "SUBSCRIBE"):
            stranger.request(method)
        wait_for(lambda n=4 if transport == "tcp" else 8: gb.api(s)["sip"]["unknown_requests"] >= n, 5, "requests of strangers")
        assert stranger.answers == [] and stranger.heard == []
    broken = t.keep(gb.Sip(s.sip))
    broken.send("GET / HTTP/1.1\n\n")
    wait_for(lambda: gb.api(s)["sip"]["malformed"] >= 1, 5, "the broken message")
    assert camera.keepalive().status == 200


def test_a_device_that_falls_silent_is_off_line(t):
    """Three keepalives are missed: the device is off line, its call ends, and viewers are told; with a keepalive it goes on."""
    s = start(t, sip="invite on_demand; keepalive 1; idle 1;")
    camera = t.keep(gb.Sip(s.sip))
    camera.register()
    assert gb.api(s, camera.user)["online"]
    wait_for(lambda: not gb.api(s, camera.user)["online"], 10, "off line")
    assert gb.api(s, camera.user)["why"] == "it has sent no keepalive"
    assert camera.keepalive().status == 403
    assert camera.register().status == 200
    assert camera.keepalive().status == 200


def test_another_program_announces_a_stream(t):
    """/gb/v1/publish/ of SRS: an id and an SSRC are expected at the media port; twice is refused; it ends with its media, or when none comes."""
    s = start(t, sip="enabled off; timeout 1;")
    messages = gb.flv.read_file(t.media(20))
    packs = list(gb.ps.packs(gb.ps.frames(messages)))

    def announce(body):
        return json.loads(httpc.fetch(s.api_url("/gb/v1/publish/"), method="POST", body=body.encode()).content)
    assert announce('{"id":"cam","ssrc":"1234567890"}') == {"code": 0, "port": s.gb, "is_tcp": True}
    assert announce('{"id":"cam","ssrc":"1234567891"}')["code"] == 1028
    assert announce('{"id":"other","ssrc":"1234567890"}')["code"] == 1028
    for bad in ("", "{}", '{"id":"a"}', '{"id":1,"ssrc":"5"}', '{"id":"a/b","ssrc":"5"}', '{"id":"a","ssrc":"x"}'):
        assert announce(bad)["code"] == 3008, bad
    s.wait_log("the announced stream cam is over: no media came")
    assert announce('{"id":"cam","ssrc":"1234567890"}')["code"] == 0
    offer = type("Offer", (), {"ssrc": 1234567890, "ip": "127.0.0.1", "port": s.gb})()
    sender = t.keep(gb.Media(offer, packs))
    s.wait_live("cam", 5)
    probe = t.probe(s.url("live/cam"))
    wait_for(lambda: len(srt.pictures(probe.messages)) > 5, 10, "pictures")
    assert srt.is_within(srt.pictures(probe.messages), srt.pictures(messages))
    sender.close()
    s.wait_ended("cam", 5)
    assert announce('{"id":"cam","ssrc":"1234567890"}')["code"] == 0
    assert json.loads(httpc.fetch(s.api_url("/gb/v1/publish/?id=cam"), method="DELETE").content)["code"] == 0
    assert announce('{"id":"cam","ssrc":"1234567890"}')["code"] == 0


def test_a_device_elsewhere_in_the_cluster_is_found(t):
    """The device is at origin A; the viewer's edge asks origin B: the device is called through A, and told good-bye after the viewer has left."""
    api = [free_port() for _ in range(2)]
    a, b = [start(t, sip=ON_DEMAND, name="ab"[i], values={"api": api[i]},
                  vhost=f"cluster {{ mode local; origin_cluster on; coworkers 127.0.0.1:{api[1 - i]}; }}") for i in range(2)]
    edge = t.server("edge", top.edge(b.address, play="mw_latency 50;"))
    camera = gb.Camera(t, a)
    probe = t.probe(edge.url("live/" + camera.id))
    # For longer than `idle`: a server that fetches it is somebody who watches.
    wait_for(lambda: len(srt.pictures(probe.messages)) > 70, 15, "pictures")
    assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages))
    assert len(camera.sip.invites()) == 1 and not camera.sip.byes()
    elsewhere = httpc.fetch(b.flv("live/" + camera.id))
    assert elsewhere.status == 302 and f":{a.http}/" in elsewhere.headers["location"], (elsewhere.status, elsewhere.headers)
    probe.stop()
    wait_for(camera.sip.byes, 30, "the good-bye")
