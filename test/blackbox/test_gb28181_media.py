"""GB28181: what cameras and their lines do to media, and many of them at once."""
import random
import subprocess
import time

import topology as top
from support import SCALE, SHORT, gb, httpc, rtc, srt
from support.case import calm, limit
from support.lossy import Lossy
from support.rtmp import AUDIO, VIDEO, is_header
from support.server import free_port, wait_for

PLAY = "play { mw_latency 50; }"
ON_DEMAND = "invite on_demand; idle 1; reinvite 0.5; timeout 5;"


def start(t, caster="", sip="", vhost="", name="srs", values=None):
    return t.server(name, top.conf(PLAY + vhost, top=gb.CONF % (caster, sip)), values=values)


def playing(t, s, camera, pictures=20, seconds=15):
    probe = t.probe(s.url("live/" + camera.id))
    wait_for(lambda: len(srt.pictures(probe.messages)) >= pictures, seconds, "pictures")
    return probe


def test_a_stream_without_a_map_is_recognised(t):
    """A camera that writes no program stream map is played as any other."""
    s = start(t)
    camera = gb.Camera(t, s, with_map=False)
    probe = playing(t, s, camera)
    assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages))
    assert srt.is_within(srt.sounds(probe.messages), srt.sounds(camera.messages))


def test_wrong_lengths_cost_a_moment(t):
    """A sender whose buffer overflows writes lengths that lead to nowhere: pictures come again, over the same connection."""
    s = start(t)
    rng = random.Random(3)

    def corrupt(packet):
        return packet if rng.random() > 0.01 else packet[:12] + rng.randbytes(len(packet) - 12) + rng.randbytes(50)
    camera = gb.Camera(t, s, corrupt=corrupt)
    probe = playing(t, s, camera, pictures=60)
    sent = srt.pictures(camera.messages)
    good = sum(p in sent for p in srt.pictures(probe.messages))
    assert good >= 45, good
    assert len(camera.sip.invites()) == 1


def test_datagrams_are_put_in_order(t):
    """With packets of UDP in disorder and twice, every picture arrives; with some lost, those that were whole do."""
    for lose, name in ((0.0, "disorder"), (0.02, "loss")):
        media = free_port()
        s = start(t, "media udp;", name=name, values={"gb": media})
        line = t.keep(Lossy(media, lose=lose, reorder=0.1, repeat=0.05, every=True, behind=3, seed=5))
        camera = gb.Camera(t, s, transport="udp", media="udp", hold=True)
        offer = gb.Offer(camera.sip.wait_invite())
        offer.port = line.port
        camera.send(offer)
        probe = playing(t, s, camera, pictures=40)
        got, sent = srt.pictures(probe.messages), srt.pictures(camera.messages)
        if lose:
            assert sum(p in sent for p in got) >= len(got) * 0.8
        else:
            assert srt.is_within(got, sent), name


def test_g711_is_passed_on(t):
    """G.711 in the program stream, and beside it with a payload type of its own, is played as G.711."""
    s = start(t)
    for beside in (False, True):
        camera = gb.Camera(t, s, hold=True)
        offer = gb.Offer(camera.sip.wait_invite())
        frames = [f for f in camera.frames if f[1] == "video"]
        tone = [(ms, "audio", False, bytes((ms // 40 * 7 + i) % 256 for i in range(320)), 0) for ms in range(0, 20000, 40)]
        if beside:
            packs = list(gb.ps.packs(frames, audio=0))
        else:
            packs = list(gb.ps.packs(sorted(frames + tone), audio=gb.ps.ALAW))
        media = gb.Media(offer, packs)
        camera.media.append(media)
        if beside:
            media.beside = [(ms, data) for ms, _, _, data, _ in tone]
        probe = playing(t, s, camera)
        wait_for(lambda p=probe: sum(m.type == AUDIO for m in p.messages) > 10, 10, "sound")
        sounds = [bytes(m.payload) for m in probe.messages if m.type == AUDIO]
        assert all(x[0] >> 4 == 7 for x in sounds), sounds[0][:4]
        whole = b"".join(data for _, _, _, data, _ in tone)
        assert b"".join(x[1:] for x in sounds) in whole


def test_an_ssrc_of_the_devices_own_is_believed(t):
    """Devices answer with an SSRC of their own, or send another one than they said: the stream is found all the same."""
    s = start(t)
    answered = gb.Camera(t, s, ssrc_answered=777)
    playing(t, s, answered)
    liar = gb.Camera(t, s, hold=True)
    offer = gb.Offer(liar.sip.wait_invite())
    offer.ssrc = 4242
    liar.send(offer)
    playing(t, s, liar)


def test_two_devices_of_one_ssrc_are_two_streams(t):
    """Devices choose SSRCs for themselves: two that answer with the same one, or send it without a word, are told apart by their
    addresses, by TCP and by UDP."""
    for media in ("tcp", "udp"):
        s, ssrc = start(t, f"media {media};", name=media), 777
        cameras = [gb.Camera(t, s, media=media, ssrc_answered=ssrc, address=f"127.0.0.{n}") for n in (2, 3)]
        silent = gb.Camera(t, s, media=media, hold=True, address="127.0.0.4")
        offer = gb.Offer(silent.sip.wait_invite())
        offer.ssrc = ssrc
        silent.send(offer)
        for camera in (*cameras, silent):
            playing(t, s, camera)
        for camera in (*cameras, silent):
            assert camera.is_sending and len(camera.sip.invites()) == 1, camera.address
        s.stop()


def test_media_of_a_stranger_is_refused(t):
    """A connection with an SSRC that nobody has asked for is closed; a second one of a stream that comes is, too."""
    s = start(t)
    camera = gb.Camera(t, s)
    playing(t, s, camera, pictures=5)
    offer = gb.Offer(camera.sip.invites()[0])
    second = t.keep(gb.Media(offer, gb.ps.packs(camera.frames)))
    wait_for(lambda: second.failed, 10, "the end of the second one")
    offer.ssrc = 99
    stranger = t.keep(gb.Media(offer, gb.ps.packs(camera.frames)))
    wait_for(lambda: stranger.failed, 15, "the end of the stranger")
    assert camera.is_sending
    assert gb.api(s)["gb28181"]["unknown_media"] >= 1


def test_a_device_that_is_restarted_is_called_again(t):
    """The camera loses power while it is watched: it registers anew, is called again, and the viewer goes on."""
    s = start(t, sip=ON_DEMAND)
    camera = gb.Camera(t, s)
    probe = playing(t, s, camera)
    camera.stop_media()
    camera.sip.disconnect()
    again = gb.Camera(t, s, user=camera.id)
    again.sip.wait_invite(seconds=10)
    before = len(srt.pictures(probe.messages))
    wait_for(lambda: len(srt.pictures(probe.messages)) > before + 20, 15, "pictures of its second life")


@calm
def test_the_first_picture_comes_soon(t):
    """From the first packet that a camera sends to its first picture at a player that waits: the camera's own time for a picture, and little
    more. The median of several cameras, each called by its player."""
    s = start(t, sip=ON_DEMAND)
    delays = []
    for _ in range(5):
        began = []

        def note(packet, began=began):
            began.append(time.monotonic())
            return packet
        camera = gb.Camera(t, s, corrupt=note)
        probe = playing(t, s, camera, pictures=1)
        assert srt.pictures(probe.messages)[0] == srt.pictures(camera.messages)[0]      # none was passed over
        first = next(m for m in probe.messages if m.type == VIDEO and not is_header(m))
        delays.append((first.at - began[0]) * 1000)
        probe.stop()
        wait_for(camera.sip.byes, 10, "the good-bye")
    assert sorted(delays)[2] < 500 * SCALE, delays


def test_hls_of_a_camera(t):
    """HLS is made of a camera's stream, and a playlist that is asked for calls the camera."""
    s = start(t, sip=ON_DEMAND.replace("idle 1", "idle 8"), vhost="hls { enabled on; hls_fragment 1; hls_window 10; }")
    camera = gb.Camera(t, s)
    url = s.web(f"/live/{camera.id}.m3u8")
    wait_for(lambda: httpc.fetch(url).status == 200, 20, "the playlist", every=0.5)
    assert set(srt.probe(url, 2)) == {"h264", "aac"}
    assert len(camera.sip.invites()) == 1


@calm
@limit(180)
def test_many_cameras_and_few_viewers(t):
    """Of 200 cameras 20 are watched (60 and 8 in the short form): so many are called, the others stay silent; all leave, all come back, and others are watched; nothing is left over."""
    count, watched = (60, 8) if SHORT or SCALE > 1 else (200, 20)
    s = start(t, sip=ON_DEMAND)
    messages = gb.flv.read_file(t.media(20))
    cameras = [gb.Camera(t, s, transport="udp" if i % 2 else "tcp", messages=messages, register=False) for i in range(count)]
    before = s.descriptors
    for c in cameras:
        c.sip.request("REGISTER", more="Expires: 3600\n", to=c.id)
    wait_for(lambda: gb.api(s)["gb28181"]["online"] == count, 20, "all of them")
    probes = [t.probe(s.url("live/" + c.id)) for c in cameras[:watched]]
    for p in probes:
        wait_for(lambda p=p: len(srt.pictures(p.messages)) > 5, 30, "pictures")
    called = [1] * watched + [0] * (count - watched)
    assert [len(c.sip.invites()) for c in cameras] == called
    assert gb.api(s)["gb28181"]["calls"] == watched
    for p in probes:
        p.stop()
    wait_for(lambda: gb.api(s)["gb28181"]["calls"] == 0, 15, "no calls")
    wait_for(lambda: [len(c.sip.byes()) for c in cameras] == called, 10, "good-byes")
    for c in cameras:
        c.sip.register(expires=0)
    wait_for(lambda: gb.api(s)["gb28181"]["online"] == 0, 10, "nobody")
    assert gb.api(s)["gb28181"]["streams"] == 0
    for c in cameras:
        c.sip.request("REGISTER", more="Expires: 3600\n", to=c.id)
    wait_for(lambda: gb.api(s)["gb28181"]["online"] == count, 20, "all of them again")
    again = [t.probe(s.url("live/" + c.id)) for c in cameras[-watched:]]
    for p in again:
        wait_for(lambda p=p: len(srt.pictures(p.messages)) > 5, 30, "pictures of those that came back")
    called = [x + y for x, y in zip(called, reversed(called))]
    assert [len(c.sip.invites()) for c in cameras] == called
    for p in again:
        p.stop()
    wait_for(lambda: gb.api(s)["gb28181"]["calls"] == 0, 15, "no calls again")
    wait_for(lambda: [len(c.sip.byes()) for c in cameras] == called, 10, "good-byes again")
    assert gb.api(s)["gb28181"]["streams"] == 0
    wait_for(lambda: s.descriptors <= before + 2, 10, "no descriptors left over")


SCAN = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="scan"><send><![CDATA[
%s sip:100@[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:%s@1.1.1.1>;tag=[call_number]
To: <sip:100@1.1.1.1>
Call-ID: [call_id]
CSeq: 1 %s
Contact: <sip:100@[local_ip]:[local_port]>
Max-Forwards: 70
User-Agent: friendly-scanner
Content-Length: 0

]]></send></scenario>
"""


@calm
def test_scanners_and_floods_disturb_nobody(t):
    """sipp floods by UDP and TCP with what scanners send and with registrations of made-up devices: a camera is played without a gap, the log stays short."""
    t.need("sipp")
    s = start(t, sip="password right;")
    camera = gb.Camera(t, s, password="right")
    probe = playing(t, s, camera)
    for method, user, transport in (("OPTIONS", "100", "u1"), ("INVITE", "100", "u1"), ("REGISTER", "34020000001329999999", "u1"),
                                    ("REGISTER", "34020000001329999999", "t1")):
        with open(t.path("scan.xml"), "w") as f:
            f.write(SCAN % (method, user, method))
        subprocess.run(["sipp", "-sf", t.path("scan.xml"), "-m", "3000", "-r", "2000", "-t", transport, "-nostdin", "-timeout", "20",
                        f"127.0.0.1:{s.sip}"], cwd=t.folder, capture_output=True, timeout=60, check=False)
    counts = gb.api(s)["sip"]
    assert counts["requests"] > 6000, counts
    assert probe.largest_gap_ms() < 1500
    assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages)[:] * 3, 1)
    assert camera.sip.keepalive().status == 200
    assert len(s.log().splitlines()) < 300


def test_a_browser_hears_g711_as_opus(t):
    """A WebRTC player calls the camera, sees its H.264, and hears its G.711 as Opus."""
    s = t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % "" + gb.CONF % ("", "invite on_demand; idle 5;")))
    camera = gb.Camera(t, s, hold=True)
    tone = [(ms, "audio", False, bytes((i % 40 < 20) * 0x80 + 0x2A for i in range(320)), 0) for ms in range(0, 20000, 40)]
    packs = list(gb.ps.packs(sorted([f for f in camera.frames if f[1] == "video"] + tone), audio=gb.ps.ALAW))
    peer = rtc.aiortc(t, ("play", s.api_url(f"/rtc/v1/whep/?app=live&stream={camera.id}")))
    offer = gb.Offer(camera.sip.wait_invite(seconds=10))
    camera.media.append(gb.Media(offer, packs))
    wait_for(lambda: all((rtc.report(peer).get("peers") or [{}])[0].get(k, 0) > 20 for k in ("video", "audio", "loud")), 15,
             "pictures and sound")


def test_g711_becomes_aac_where_it_is_so(t):
    """With 'audio aac' the G.711 of a camera is AAC for RTMP and HLS, together with the pictures."""
    s = start(t, "audio aac;", vhost="hls { enabled on; hls_fragment 1; hls_window 10; }")
    camera = gb.Camera(t, s, hold=True)
    tone = [(ms, "audio", False, bytes((i % 40 < 20) * 0x80 + 0x2A for i in range(320)), 0) for ms in range(0, 20000, 40)]
    packs = list(gb.ps.packs(sorted([f for f in camera.frames if f[1] == "video"] + tone), audio=gb.ps.ALAW))
    camera.media.append(gb.Media(gb.Offer(camera.sip.wait_invite()), packs))
    probe = playing(t, s, camera)
    wait_for(lambda: len(srt.sounds(probe.messages)) > 40, 10, "sound")
    sound = [m for m in probe.messages if m.type == AUDIO]
    assert all(m.payload[0] >> 4 == 10 for m in sound), sound[0].payload[:2]
    assert abs(srt.spread(probe.messages)) < 150
    url = s.web(f"/live/{camera.id}.m3u8")
    wait_for(lambda: httpc.fetch(url).status == 200, 10, "the playlist")
    assert set(srt.probe(url, 2)) == {"h264", "aac"}
