"""The tools of the benchmark: they start, and what they report is true. Nothing here is timed but the rates that were asked for."""
import json
import os

import topology as top
from support import rtc, srt
from support.case import Skip, alone
from support.flv import TOP
from support.server import SMALL_QUARANTINE, free_port, free_ports, listening, wait_for

ONCE = "The tools of the benchmark are judged, which measure a release build."

BENCH, FLOOR = os.path.join(TOP, "objs", "srs_bench"), os.path.join(TOP, "objs", "floor")
RTC_BENCH, SRT_BENCH = os.path.join(TOP, "objs", "rtc_bench"), os.path.join(TOP, "objs", "srt_bench")


def bench(t, mode, url, count, *args, seconds=2):
    """The report of one run, whose status must be 0."""
    if not os.path.exists(BENCH):
        raise Skip("objs/srs_bench is not built: make bench-tools")
    p = t.spawn([BENCH, "-m", mode, "-u", url, "-n", str(count), "-t", str(seconds), "-w", "0.5", "--json", *args],
                f"bench-{len(t.things)}")
    status = p.wait(60)
    text = p.output()
    assert status == 0, text
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def publisher(t, s, *args):
    """A synthetic stream live/x of 300 kb/s that goes on until the end of the case."""
    if not os.path.exists(BENCH):
        raise Skip("objs/srs_bench is not built: make bench-tools")
    p = t.spawn([BENCH, "-m", "publish", "-u", s.url("live/x"), "-t", "0", "--kbps=300", *args], "bench-publish")
    wait_for(lambda: "ready: 1 of 1" in p.output(), 10, "the publisher")
    return p


@alone
def test_bench_plays_rtmp(t):
    """The load generator plays its own stream over RTMP, and reports rate, first frame and latency."""
    s = t.server("srs", top.local())
    publisher(t, s)
    r = bench(t, "play-rtmp", s.url("live/x"), 20, f"--watch={s.pid}")
    assert r["running"] == 20 and r["failures"] == 0 and r["disconnects"] == 0, r
    assert 200 < r["kbps_median"] < 420, r
    assert r["first_frame_ms"]["n"] == 20, r
    assert r["latency_ms"]["n"] > 500, r
    assert r["rss_after_kb"] > 0, r


@alone
def test_bench_plays_flv(t):
    """The same over HTTP-FLV; players that only count bytes count as many as those that read all."""
    s = t.server("srs", top.local())
    publisher(t, s)
    r = bench(t, "play-flv", s.flv("live/x"), 20, "--sample=5")
    assert r["running"] == 20 and r["failures"] == 0, r
    assert 200 < r["kbps_median"] < 420 and r["kbps_low"] > 0.5 * r["kbps_high"], r
    assert r["first_frame_ms"]["n"] == 20 and r["latency_ms"]["n"] > 100, r


@alone
def test_bench_publishes_many(t):
    """Numbered publishers are as many streams of the rate that was asked for."""
    s = t.server("srs", top.local())
    r = bench(t, "publish", s.url("live/s%d"), 20, "--kbps=100", "--first=7")
    assert r["running"] == 20 and 60 < r["kbps_median"] < 140, r
    assert bench(t, "idle", s.web("/nothing-here"), 5)["running"] == 5


def test_bench_says_why_it_failed(t):
    """Connections that are refused are counted, with the reason."""
    if not os.path.exists(BENCH):
        raise Skip("objs/srs_bench is not built: make bench-tools")
    p = t.spawn([BENCH, "-m", "play-rtmp", "-u", f"rtmp://127.0.0.1:{free_port()}/live/x", "-n", "3", "--json"],
                "bench-fails")
    assert p.wait(20) == 1
    r = json.loads(p.output())
    assert r["failures"] == 3 and r["reasons"] == {"connect: Connection refused": 3}, r


def floor(t, *args):
    """The floor, running; its port."""
    if not os.path.exists(FLOOR):
        raise Skip("objs/floor is not built: make bench-tools")
    port = free_ports(2)        # the relay has its receivers at the second one
    t.spawn([FLOOR, "-p", str(port), *args], "floor")
    wait_for(lambda: listening(port), 5, "the floor")
    return port


@alone
def test_floor_writes_the_rate(t):
    """The floor writes each connection the rate that was asked for."""
    port = floor(t, "-k", "400", "-i", "50")
    r = bench(t, "sink", f"tcp://127.0.0.1:{port}", 10)
    assert r["running"] == 10 and 250 < r["kbps_median"] < 550, r


@alone
def test_floor_relays_what_it_receives(t):
    """The floor that relays passes on the rate of each publisher to one receiver; the one that receives takes all."""
    port = floor(t, "-m", "relay", "-i", "50")
    receivers = t.spawn([BENCH, "-m", "sink", "-u", f"tcp://127.0.0.1:{port + 1}", "-n", "10", "-w", "2", "-t", "2",
                         "--json"], "receivers")
    wait_for(lambda: "ready: 10 of 10" in receivers.output(), 20, "the receivers")
    bench(t, "publish", f"tcp://127.0.0.1:{port}", 10, "--kbps=300", "--warm=2")
    assert receivers.wait(20) == 0, receivers.output()
    r = json.loads(receivers.output()[receivers.output().index("{"):])
    assert r["running"] == 10 and 200 < r["kbps_median"] < 450, r
    r = bench(t, "publish", f"tcp://127.0.0.1:{floor(t, '-m', 'receive')}", 10, "--kbps=300")
    assert r["running"] == 10 and r["disconnects"] == 0, r


def rtc_bench(t, mode, url, count, *args):
    """The report of one run of the load generator for WebRTC, whose status must be 0."""
    if not os.path.exists(RTC_BENCH):
        raise Skip("objs/rtc_bench is not built: make bench-tools")
    p = t.spawn([RTC_BENCH, "-m", mode, "-u", url, "-n", str(count), "-t", "2", "-w", "0.5", "--json", *args], f"bench-{len(t.things)}")
    status = p.wait(60)
    assert status == 0, p.output()
    return json.loads(p.output()[p.output().index("{"):])


@alone
def test_rtc_bench_plays_what_it_publishes(t):
    """Players by WHEP of its own publisher by WHIP have the rate, every packet, and the latency of sound, pictures and key
    frames; a row of players one after the other leaves no session and hardly any memory."""
    s = t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % ""), env=SMALL_QUARANTINE)
    publisher = t.spawn([RTC_BENCH, "-m", "publish", "-u", s.api_url("/rtc/v1/whip/?stream=x"), "-t", "0", "--kbps=300"], "publisher")
    wait_for(lambda: "ready: 1 of 1" in publisher.output(), 10, "the publisher")
    whep = s.api_url("/rtc/v1/whep/?stream=x")
    r = rtc_bench(t, "play", whep, 20, f"--watch={s.pid}", "--sample=1")
    assert (r["running"], r["failures"], r["disconnects"], r["jumps"]) == (20, 0, 0, 0), r
    assert 250 < r["kbps_median"] < 600 and r["missing"] <= r["packets"] / 100, r
    assert r["sound_latency_ms"]["n"] > 1000 and r["latency_ms"]["n"] > 500 and r["key_latency_ms"]["n"] > 10, r
    rtc_bench(t, "join", whep, 100)
    r = rtc_bench(t, "join", whep, 150, f"--watch={s.pid}")
    assert r["running"] == 150 and r["first_frame_ms"]["n"] == 150, r
    assert r["rss_after_kb"] - r["rss_before_kb"] < 4096, r
    wait_for(lambda: rtc.api(s)["rtc"]["sessions"] == 1, 10, "the end of all but the publisher")


@alone
def test_floor_encrypts_and_sends(t):
    """The floor for WebRTC sends each receiver the rate that was asked for."""
    if not os.path.exists(FLOOR):
        raise Skip("objs/floor is not built: make bench-tools")
    port = free_port()
    t.spawn([FLOOR, "-m", "rtc", "-p", str(port), "-k", "400"], "floor")
    r = rtc_bench(t, "sink", f"udp://127.0.0.1:{port}", 10)
    assert r["running"] == 10 and 300 < r["kbps_median"] < 700, r


def srt_bench(t, mode, server, count, *args, seconds=2):
    """The load generator for SRT, running."""
    if not os.path.exists(SRT_BENCH):
        raise Skip("objs/srt_bench is not built: make bench-tools, with libsrt")
    what = "publish" if mode == "publish" else "request"
    return t.spawn([SRT_BENCH, "-m", mode, "-u", f"srt://127.0.0.1:{server.srt}?streamid=#!::r=live/s%d,m={what}", "-n", str(count),
                    "-t", str(seconds), "-w", "0.5", "--json", *args], f"bench-{len(t.things)}")


@alone
def test_srt_bench_plays_what_it_publishes(t):
    """SRT publishers and players by the load generator: all run at the rate that was asked for, nothing is dropped, the latency is
    that of both lines; FLV players beside them get every picture in time."""
    s = t.server("srs", top.conf(srt.VHOST % "", top=srt.SERVER % ""), env=SMALL_QUARANTINE)
    publishers = srt_bench(t, "publish", s, 10, "--kbps=300", f"--watch={s.pid}", seconds=4)
    wait_for(lambda: "ready: 10 of 10" in publishers.output(), 20, "the publishers")
    players = srt_bench(t, "play", s, 20, "--streams=10", "--sample=1")
    r = bench(t, "play-flv", s.flv("live/s1"), 5, "--sample=1")
    assert r["running"] == 5 and r["first_frame_ms"]["n"] == 5 and r["stalls"] == 0, r
    for p, count in ((players, 20), (publishers, 10)):
        assert p.wait(30) == 0, p.output()
        r = json.loads(p.output()[p.output().index("{"):])
        assert (r["running"], r["failures"], r["disconnects"], r["dropped"]) == (count, 0, 0, 0), r
        assert 250 < r["kbps_low"] and r["kbps_high"] < 600, r
        if count == 20:
            assert r["latency_ms"]["n"] > 200 and 240 < r["latency_ms"]["p50"] < 1000, r
