"""Upgrades in place, one after the other, under players and encoders of all protocols."""
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import topology as top
from support import SCALE, SHORT, gb, httpc, rtc, srt
from support.case import Skip, alone, limit
from support.chaos import Numbers
from support.probe import Beat
from support.flv import TOP, read_file
from support.publisher import looped
from support.rtmp import VIDEO, Closed
from support.server import wait_for
from test_upgrade import Generations, Knocker

BENCH, RTC_BENCH = (os.path.join(TOP, "objs", name) for name in ("srs_bench", "rtc_bench"))
HLS_VIEWERS = os.path.join(TOP, "test", "bench", "hls_viewers.py")
SMALL = SHORT or SCALE > 1
# How many of each, in the full form: 50 encoders and 500 viewers.
UPGRADES = 2 if SMALL else 10
PAUSE = 0.5 if SMALL else 4         # seconds between two upgrades
ENCODERS = dict(pushed=4, marked=2, direct=1, srt=1, srt_pushed=1, whip=1, whip_pushed=1, cameras=1) if SMALL else dict(
    pushed=24, marked=4, direct=4, srt=4, srt_pushed=2, whip=4, whip_pushed=2, cameras=6)
VIEWERS = dict(rtmp=12, flv=12, whep=2, srt=1, hls=0, rtmp_direct=2, flv_direct=2, whep_direct=1) if SMALL else dict(
    rtmp=180, flv=180, whep=40, srt=8, hls=44, rtmp_direct=20, flv_direct=16, whep_direct=4)
KBPS = 200
GAP_MS = 500
FOR_EVER = "1000000"               # until Load.measure()


def prefer(pid, niceness):
    """All encoders and viewers stand for machines of their own, but share the processors of this one: servers go before them,
    where that is allowed, and who measures before who does not."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    except PermissionError:
        pass


class Load:
    """Programs that publish or play until they are asked what they have seen."""

    def __init__(self, t):
        for tool in (BENCH, RTC_BENCH):
            if not os.path.exists(tool):
                raise Skip(f"{os.path.basename(tool)} is not built: make bench-tools")
        self.t, self.running = t, {}

    def start(self, name, program, mode, url, count, *args):
        if not count:
            return
        p = self.t.spawn([program, "-m", mode, "-u", url, "-n", str(count), "-t", "0", "-w", FOR_EVER, "-j", *args], name)
        prefer(p.pid, -5)
        self.running[name] = p

    def wait_ready(self):
        for name, p in self.running.items():
            wait_for(lambda p=p: "ready: " in p.output() or not p.alive, 40, f"{name}: ready")

    def measure(self):
        """They begin to measure when all of them run: until then newcomers by the hundred make gaps of their own."""
        for p in self.running.values():
            os.kill(p.pid, signal.SIGUSR1)

    def report(self, name):
        p = self.running[name]
        p.interrupt()
        p.wait(20)
        text = p.output()
        return json.loads(text[text.index("{"):text.rindex("}") + 1])


class Requests(threading.Thread):
    """Asks an HTTP port again and again; what fails is kept."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.failed, self.count, self.stopping = url, [], 0, False
        self.start()

    def run(self):
        while not self.stopping:
            try:
                status = httpc.fetch(self.url).status
                self.count += 1
                if status != 200:
                    self.failed.append(status)
            except (OSError, AssertionError, Closed) as e:
                self.failed.append(repr(e))
            time.sleep(0.05)

    def stop(self):
        self.stopping = True
        self.join(10)


class Scene:
    """An origin that will be upgraded, an edge where encoders are, an edge where viewers are, and all of them."""

    def __init__(self, t):
        self.t, self.load = t, Load(t)
        every = rtc.VHOST % "" + srt.VHOST % ""
        ports = rtc.SERVER % "" + srt.SERVER % ""
        hls = "hls { enabled on; hls_fragment 2; hls_window 12; %s }"
        self.origin = t.server("origin", top.conf(
            every + "publish { reconnect_grace 2; }" + hls % "hls_ctx off;",
            top="grace_final_wait 10;" + ports + gb.CONF % ("", "")))
        self.generations = Generations(t, self.origin)
        self.inner = t.server("in", top.conf(every + f"cluster {{ mode remote; origin {self.origin.address}; }}", top=ports))
        self.outer = t.server("out", top.conf(
            every + f"cluster {{ mode remote; origin {self.origin.address}; }}"
            + hls % f"hls_ctx off; hls_origin {self.origin.http_address};", top=ports))
        for server in (self.origin, self.inner, self.outer):
            prefer(server.pid, -10)     # and those that come after it
        self.marked, self.direct, self.cameras, self.processes, self.probes = [], [], [], [], []

    def publish(self):
        t, n, inner, origin = self.t, ENCODERS, self.inner, self.origin
        media, file = read_file(t.media(20)), srt.media_file(t, seconds=4)
        self.load.start("pushed", BENCH, "publish", inner.url("live/b%d"), n["pushed"], f"--kbps={KBPS}", "--gop=1")
        self.marked = [t.publish(inner.url(f"live/m{i}"), media, mark=True) for i in range(n["marked"])]
        self.direct = [t.publish(origin.url(f"live/d{i}"), media, mark=True) for i in range(n["direct"])]
        for i in range(n["srt"]):
            self.processes.append(srt.ffmpeg(t, file, srt.publish_url(origin, f"live/s{i}")))
        for i in range(n["srt_pushed"]):
            self.processes.append(srt.ffmpeg(t, file, srt.publish_url(inner, f"live/sp{i}")))
        for i in range(n["whip"]):
            self.load.start(f"whip{i}", RTC_BENCH, "publish", origin.api_url(f"/rtc/v1/whip/?app=live&stream=w{i}"), 1, f"--kbps={KBPS}")
        for i in range(n["whip_pushed"]):
            self.load.start(f"whip_pushed{i}", RTC_BENCH, "publish", inner.api_url(f"/rtc/v1/whip/?app=live&stream=wp{i}"), 1,
                            f"--kbps={KBPS}")
        minutes = list(itertools.takewhile(lambda m: m.ts < 120000, looped(media)))     # a camera sends its messages once
        self.cameras = [gb.Camera(t, origin, messages=minutes) for _ in range(n["cameras"])]
        self.names = ([f"{kind}{i}" for key, kind in (("pushed", "b"), ("marked", "m"), ("direct", "d"), ("srt", "s"), ("srt_pushed", "sp"),
                                                      ("whip", "w"), ("whip_pushed", "wp")) for i in range(n[key])]
                      + [c.id for c in self.cameras])
        for name in self.names:
            origin.wait_live(name, 30)

    def play(self):
        t, n, outer, origin, b = self.t, VIEWERS, self.outer, self.origin, f"--streams={ENCODERS['pushed']}"
        stall = f"--stall={GAP_MS}"
        self.probes = [(p, t.probe(url(f"live/m{i}"))) for i, p in enumerate(self.marked) for url in (outer.url, outer.flv)]
        for name, server, count in (("rtmp", outer, n["rtmp"]), ("rtmp_direct", origin, n["rtmp_direct"])):
            self.load.start(name, BENCH, "play-rtmp", server.url("live/b%d" if server is outer else "live/d0"), count, b, stall, "--sample=10",
                            "--ramp=100")
        for name, server, count in (("flv", outer, n["flv"]), ("flv_direct", origin, n["flv_direct"])):
            self.load.start(name, BENCH, "play-flv", server.flv("live/b%d" if server is outer else "live/d0"), count, b, stall, "--sample=10",
                            "--ramp=100")
        self.load.start("whep", RTC_BENCH, "play", outer.api_url("/rtc/v1/whep/?app=live&stream=b0"), n["whep"], "--ramp=20", "--sample=10")
        self.load.start("whep_direct", RTC_BENCH, "play", origin.api_url("/rtc/v1/whep/?app=live&stream=w0"), n["whep_direct"])
        self.srt_players = [t.spawn(["ffmpeg", "-nostdin", "-v", "warning", "-i", srt.play_url(outer, "live/m0"), "-c", "copy", "-f", "null",
                                     "-"], f"srt-player{i}") for i in range(n["srt"])]
        self.hls = None
        if n["hls"]:
            seconds = str(15 + UPGRADES * (PAUSE + 3))
            self.hls = subprocess.Popen([sys.executable, HLS_VIEWERS, outer.web("/live/b1.m3u8"), str(n["hls"]), seconds],
                                        stdout=subprocess.PIPE, text=True)
        for _, probe in self.probes:
            probe.wait_frames(10, 20)
        self.load.wait_ready()
        wait_for(lambda: sum(c["type"] == "srt-play" and c["send_bytes"] > 20000 for c in outer.clients()) == n["srt"], 40, "players of SRT")
        self.wait_until_calm()
        self.load.measure()

    def wait_until_calm(self, seconds=20):
        """Eight ffmpegs that begin take both processors for a while. A machine that is never calm is measured as it is."""
        beat, calm, until = self.t.keep(Beat()), 0, time.monotonic() + seconds
        while calm < 10 and time.monotonic() < until:
            beat.worst_ms = 0.0
            time.sleep(0.1)
            calm = calm + 1 if beat.worst_ms < 20 else 0
        beat.close()

    def check_newcomers(self):
        """Who comes now is served, whatever process has the stream."""
        for name in ("m0", "d0", self.cameras[0].id):
            for url in (self.origin.url, self.origin.flv):
                self.t.probe(url("live/" + name)).wait_frames(5, 5).stop()


@alone
@limit(300)
def test_upgrades_under_all_protocols(t):
    """An origin is upgraded again and again under encoders and viewers of RTMP, HTTP-FLV, HLS, SRT, WebRTC and GB28181, direct and
    through edges: no connection is refused, viewers behind an edge see no gap above 500 ms, no encoder is disconnected."""
    srt.need(t)
    scene, numbers = Scene(t), t.keep(Numbers(t, "upgrades under encoders and viewers of all protocols", "0 refused, gaps < 500 ms"))
    scene.publish()
    scene.play()
    generations = scene.generations
    knocker, requests = Knocker(scene.origin.rtmp, pause=0.02), Requests(scene.origin.web("/healthz"))
    began = time.monotonic()
    for _ in range(UPGRADES):
        generations.upgrade()
        for name in scene.names[:ENCODERS["pushed"] + ENCODERS["marked"]]:
            scene.origin.wait_live(name, 10)        # pushed to the new one by now
        scene.check_newcomers()
        time.sleep(PAUSE)
    knocker.stop()
    requests.stop()
    after = time.monotonic()
    for _, probe in scene.probes:
        probe.wait_frames(20, after=after)
    assert not knocker.failed and knocker.count > 20, (knocker.failed[:3], knocker.count)
    assert not requests.failed and requests.count > 20, (requests.failed[:3], requests.count)
    numbers.add("connections tried, none refused", knocker.count + requests.count)
    judge(scene, numbers, began)


def judge(scene, numbers, began):
    assert all(p.ended is None for p in scene.marked + scene.direct)
    assert all(p.alive for p in scene.processes + scene.srt_players)
    assert all(c.is_sending for c in scene.cameras) and not any(len(c.sip.invites()) > 1 for c in scene.cameras)
    for publisher, probe in scene.probes:
        probe.stop()
        missing = probe.missing(publisher.sent)
        assert not missing and not probe.backwards(), (probe.url, missing[:5])
        numbers.add("frames of a viewer that did not come", len(missing))
        numbers.add("gap behind an edge, each frame looked at", probe.largest_gap_ms(VIDEO, after=began), GAP_MS)
    for name in list(scene.load.running):
        r = scene.load.report(name)
        assert r["running"] == r["count"] and not r["failures"] and not r["disconnects"], (name, r)
        if "gap_ms" in r and "publish" not in r.get("mode", "") and not name.startswith("whip"):
            numbers.add(f"gap, {name}", r["gap_ms"]["max"], GAP_MS)
    if scene.hls:
        r = json.loads(scene.hls.communicate(timeout=120)[0])
        assert r["running"] == r["count"] and not r["failures"], r
        numbers.add("HLS: slowest answer, ms", r["latency_max"])
