"""GB28181: peers that mean harm, and devices that are mistaken."""
import json
import signal
import socket
import struct
import threading
import time

import topology as top
from support import SCALE, gb, httpc, srt
from support.server import wait_for

PLAY = "play { mw_latency 50; }"
ON_DEMAND = "invite on_demand; idle 1; reinvite 0.5; timeout 5;"


def start(t, caster="", sip="", name="srs"):
    return t.server(name, top.conf(PLAY, top=gb.CONF % (caster, sip)))


def playing(t, s, name, pictures=20):
    probe = t.probe(s.url("live/" + name))
    wait_for(lambda: len(srt.pictures(probe.messages)) >= pictures, 15, "pictures")
    return probe


class Flood(threading.Thread):
    """Sends those bytes to a TCP port as fast as they are taken, over and over, until closed."""

    def __init__(self, port, data):
        super().__init__(daemon=True)
        self.port, self.data, self.over, self.sent, self.ends = port, data, False, 0, 0
        self.start()

    def run(self):
        while not self.over:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                    while not self.over:
                        self.sent += sock.send(self.data)
            except OSError:
                self.ends += 1

    def close(self):
        self.over = True
        self.join(5)


def rtp(ssrc, size, kind=96):
    packet = struct.pack(">BBHII", 0x80, kind, 1, 0, ssrc) + bytes(size)
    return struct.pack(">H", len(packet)) + packet


def test_floods_at_the_media_port_starve_nobody(t):
    """Connections that send noise, packets of an unknown SSRC, or RTCP alone, as fast as they can: the API answers, and a camera is played."""
    s = start(t)
    camera = gb.Camera(t, s)
    probe = playing(t, s, camera.id)
    control = struct.pack(">HBBHI", 8, 0x80, 201, 1, 7)
    for data in (b"\xff" * (1 << 20), rtp(7, 1400) * 700, rtp(7, 0) * 50000, control * 100000):
        floods = [t.keep(Flood(s.gb, data)) for _ in range(3)]
        wait_for(lambda f=floods: sum(x.sent for x in f) > 20 << 20, 10, "a flood")
        began, slowest = time.monotonic(), 0
        while time.monotonic() - began < 2:
            asked = time.monotonic()
            gb.api(s)
            slowest = max(slowest, time.monotonic() - asked)
        for flood in floods:
            flood.close()
        assert slowest < SCALE, slowest
    assert probe.largest_gap_ms() < 2000 * SCALE, probe.largest_gap_ms()


def test_noise_costs_its_sender_the_connection(t):
    """A connection in which no packet is found ends soon, however much comes."""
    s = start(t)
    flood = t.keep(Flood(s.gb, b"\xff" * (1 << 16)))
    wait_for(lambda: flood.ends > 3, 4, "ends of connections")


def test_datagrams_with_an_ssrc_of_their_own_are_played(t):
    """By UDP, too, a device is recognised by its address whatever SSRC it writes, before and after it has answered."""
    s = start(t, "media udp;")
    liar = gb.Camera(t, s, transport="udp", media="udp", hold=True)
    offer = gb.Offer(liar.sip.wait_invite())
    offer.ssrc = 4242
    liar.send(offer)
    playing(t, s, liar.id, 60)


def test_a_good_bye_ends_its_own_call_alone(t):
    """A recorder with two channels that are watched says good-bye to one: the other goes on, also when it repeats itself in other words."""
    s = start(t, sip=ON_DEMAND.replace("reinvite 0.5", "reinvite 30"))
    channels = [gb.device_id() for _ in range(2)]
    recorder = gb.Camera(t, s, user=gb.device_id(118), channels=channels)
    wait_for(lambda: len(gb.api(s, recorder.id)["channels"]) == 2, 5, "channels")
    probes = [playing(t, s, channel, 5) for channel in channels]
    invite = next(m for m in recorder.sip.invites() if gb.Offer(m).channel == channels[0])
    assert recorder.sip.bye(invite).status == 200

    def calls():
        return {c["id"]: c["call"] for c in gb.api(s, recorder.id)["channels"]}
    wait_for(lambda: calls()[channels[0]] != "live", 5, "the end of one call")
    assert recorder.sip.ask("BYE", call_id=invite["Call-ID"], to_tag="gone").status in (200, 481)
    before = len(srt.pictures(probes[1].messages))
    wait_for(lambda: len(srt.pictures(probes[1].messages)) > before + 10, 10, "the other channel")
    assert calls()[channels[1]] == "live"
    assert len([m for m in recorder.sip.invites() if gb.Offer(m).channel == channels[1]]) == 1


def test_what_is_left_of_one_call_is_not_taken_for_another(t):
    """A recorder that goes on sending datagrams of a call that is over: the channel that is called next does not show its pictures."""
    s = start(t, "media udp;", sip=ON_DEMAND)
    channels = [gb.device_id() for _ in range(2)]
    recorder = gb.Camera(t, s, user=gb.device_id(118), channels=channels, transport="udp", media="udp")
    wait_for(lambda: len(gb.api(s, recorder.id)["channels"]) == 2, 5, "channels")
    recorder.sip.on_bye = lambda _: None
    playing(t, s, channels[0], 5).stop()
    wait_for(recorder.sip.byes, 10, "the good-bye")
    recorder.hold = True
    probe = t.probe(s.url("live/" + channels[1]))
    recorder.sip.wait_invite(2)
    before = gb.api(s)["gb28181"]["unknown_media"]
    wait_for(lambda: gb.api(s)["gb28181"]["unknown_media"] > before + 50, 10, "what is left")
    assert not srt.pictures(probe.messages)
    recorder.send(gb.Offer(recorder.sip.invites()[1]))
    wait_for(lambda: len(srt.pictures(probe.messages)) > 5, 10, "pictures of its own")


def test_a_camera_that_refuses_is_not_asked_at_each_registration(t):
    """A device that refuses and registers again and again is called once in `reinvite`."""
    s = start(t, sip="invite auto; reinvite 30;")
    camera = gb.Camera(t, s, status=486)
    s.wait_log("the device refuses: 486")
    for _ in range(5):
        assert camera.sip.register().status == 200
    assert camera.sip.keepalive().status == 200
    assert len(camera.sip.invites()) == 1


def test_wrong_digests_without_an_end_disturb_nobody(t):
    """Thousands of registrations with wrong digests from one address, by UDP and TCP: each is refused or dropped, the log stays short, nobody
    comes in, and a camera beside them is played, heard and refreshed, and another one registers."""
    s = start(t, sip="password right;")
    camera = gb.Camera(t, s, password="right", seconds=60)
    probe = playing(t, s, camera.id)
    lines = len(s.log().splitlines())
    victim = gb.device_id()
    for transport in ("udp", "tcp"):
        thief = t.keep(gb.Sip(s.sip, user=victim, transport=transport, address="127.0.0.2"))
        asked = thief.ask("REGISTER", more="Expires: 3600\n", to=victim)
        assert asked.status == 401
        proof = gb.digest(asked["WWW-Authenticate"], victim, "wrong", "REGISTER", f"sip:{gb.SERVER_ID}@{gb.REALM}")
        before = gb.api(s)["sip"]["refused_registrations"]

        def flood(thief=thief, proof=proof, before=before):
            for _ in range(500):
                thief.request("REGISTER", more=f"Expires: 3600\nAuthorization: {proof}\n", to=victim)
            return gb.api(s)["sip"]["refused_registrations"] > before + 1000
        wait_for(flood, 20, "refusals by " + transport)
        assert camera.sip.keepalive().status == 200 and camera.sip.register().status == 200
        assert {m.status for m in list(thief.answers)} <= {401, 403}
    before = len(srt.pictures(probe.messages))
    wait_for(lambda: len(srt.pictures(probe.messages)) > before + 20, 10, "pictures")
    assert t.keep(gb.Sip(s.sip, user=victim, password="right")).register().status == 200
    assert gb.api(s)["gb28181"]["online"] == 2 and camera.is_sending
    assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages) * 3)
    assert len(s.log().splitlines()) - lines < 200, "the log"


def test_registrations_in_turn_do_not_fill_the_log(t):
    """A device that registers and unregisters all the time: few lines of the log are about it."""
    s = start(t, sip="invite off;")
    camera = t.keep(gb.Sip(s.sip))
    before = len(s.log().splitlines())
    for _ in range(150):
        assert camera.register().status == 200
        assert camera.register(expires=0).status == 200
    assert len(s.log().splitlines()) - before < 150


def test_a_server_that_drains_calls_nobody(t):
    """A camera whose publication a drain has ended is not called again."""
    s = start(t, sip="invite auto; reinvite 0.2;")
    camera = gb.Camera(t, s)
    s.wait_live(camera.id, 10)
    assert json.loads(httpc.fetch(s.api_url("/api/v1/drain"), method="POST").content)["code"] == 0
    camera.stop_media()
    wait_for(lambda: gb.api(s, camera.id)["call"] == "none", 5, "the end of the call")
    assert len(camera.sip.invites()) == 1


def test_cameras_end_when_gb28181_is_switched_off(t):
    """A reload that switches SIP off ends the calls, with a good-bye, and devices are off line; switched on again, they come back."""
    s = start(t)
    for n, transport in enumerate(("tcp", "udp"), 1):
        camera = gb.Camera(t, s, transport=transport)
        s.wait_live(camera.id, 10)
        whole = s.conf
        s.write_conf(whole.replace("sip { enabled on;", "sip { enabled off;"))
        s.signal(signal.SIGHUP)
        s.wait_ended(camera.id, 5)
        wait_for(camera.sip.byes, 5, "the good-bye")
        wait_for(lambda c=camera: not gb.api(s, c.id)["online"], 5, "off line")
        s.write_conf(whole)
        s.signal(signal.SIGHUP)
        wait_for(lambda n=n: s.log().count("sip.enabled: off -> on (applied now)\n") == n, 10, "SIP again")
        camera.sip.connect()
        wait_for(lambda c=camera: c.sip.register(new_life=True).status == 200, 5, "a registration")
        s.wait_live(camera.id, 10)
