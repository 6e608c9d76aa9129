"""A WebRTC publisher beside everything else that a stream can be: HLS, recordings, pushes, relays, its own return."""
import glob
import os
import subprocess

import topology as top
from support import rtc
from support.case import Skip, calm
from support.server import free_port, wait_for
from test_rtc_cluster import RTC_BENCH, report
from test_rtc_media import heard, media_file, wait_heard


def start(t, more="", name="srs", **kw):
    return t.server(name, top.conf(rtc.VHOST % more, top=rtc.SERVER % ""), **kw)


def whip(server, stream="a"):
    return server.api_url(f"/rtc/v1/whip/?app=live&stream={stream}")


def whep(server, stream="a"):
    return server.api_url(f"/rtc/v1/whep/?app=live&stream={stream}")


def wait_video(server, stream="a", seconds=15):
    wait_for(lambda: (server.stream(stream) or {}).get("video"), seconds, f"the stream at {server.name}")


def codecs(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path], capture_output=True,
                         text=True, timeout=30, check=True)
    return sorted(set(out.stdout.split()))


def test_whip_becomes_hls_and_a_recording(t):
    """A WebRTC publisher is cut into HLS and recorded as H.264 and AAC, as any encoder is."""
    s = start(t, "} publish { reconnect_grace 1; } hls { enabled on; hls_ctx off; hls_fragment 2; hls_path ./objs/nginx/html; } "
              "dvr { enabled on; dvr_path ./rec/[app]/[stream].mp4; ")
    publisher = rtc.aiortc(t, ("publish", whip(s), media_file(t)))
    playlist = s.web("/live/a.m3u8")
    wait_for(lambda: subprocess.run(["curl", "-sf", playlist], capture_output=True, check=False).stdout.count(b".ts") >= 2, 40,
             "two segments")
    assert codecs(playlist) == ["aac", "h264"], codecs(playlist)
    publisher.popen.terminate()
    files = os.path.join(s.folder, "rec", "live", "*.mp4")
    wait_for(lambda: glob.glob(files), 20, "the recording")
    assert codecs(glob.glob(files)[0]) == ["aac", "h264"]


def test_whip_at_an_edge_outlives_an_origin(t):
    """A publisher at an edge is pushed on; when that origin dies it stays where it is, and is live at the other one."""
    origins = [t.server(name, top.local()) for name in ("a", "b")]
    edge = start(t, f"}} cluster {{ mode remote; origin {origins[0].address} {origins[1].address}; ", name="edge")
    rtc.aiortc(t, ("publish", whip(edge), media_file(t)))
    live = wait_for(lambda: [o for o in origins if (o.stream("a") or {}).get("video")], 15, "the stream at an origin")[0]
    session = [x["id"] for x in rtc.api(edge)["sessions"]]
    live.kill9()
    other = next(o for o in origins if o is not live)
    wait_video(other, seconds=10)
    assert [x["id"] for x in rtc.api(edge)["sessions"]] == session and rtc.api(edge)["ended"] == []
    t.probe(other.url("live/a")).wait_frames(30, 10)


def test_whep_at_the_wrong_origin_is_relayed(t):
    """With on_miss relay an origin that lacks the stream fetches it for a WebRTC player, and media comes from there."""
    conf = "} cluster { mode local; origin_cluster on; coworkers 127.0.0.1:$other; on_miss relay; "
    a = start(t, conf, name="a", values={"other": free_port()})
    b = start(t, conf, name="b", values={"api": a.values["other"], "other": a.api})
    rtc.aiortc(t, ("publish", whip(b), media_file(t)), name="publisher")
    wait_video(b)
    player = rtc.aiortc(t, ("play", whep(a)), name="player")
    wait_heard(player, {"video": 25, "loud": 25})
    assert [x["type"] for x in rtc.api(a)["sessions"]] == ["rtc-play"], rtc.api(a)["sessions"]


@calm
def test_a_publisher_that_vanished_comes_back(t):
    """A WebRTC publisher that is gone without a word is replaced by its next offer; its players see both."""
    s = start(t)
    first = rtc.aiortc(t, ("publish", whip(s), media_file(t)), name="first")
    wait_video(s)
    player = rtc.aiortc(t, ("play", whep(s)), name="player")
    wait_heard(player, {"video": 25})
    first.kill9()
    # Until it has been silent for a while it counts as one that is alive.
    wait_for(lambda: rtc.whip(s, "a").status == 201, 20, "the place of a silent publisher")
    rtc.wait_sessions(s, 1, 25)     # neither that offer nor the first one has a peer
    rtc.aiortc(t, ("publish", whip(s), media_file(t)), name="second")
    seen = heard(player)["video"]
    wait_heard(player, {"video": seen + 25}, seconds=20)


@calm
def test_a_hop_takes_little_time(t):
    """From a WebRTC publisher's packet to the player's: each edge on the way adds at most 30 ms."""
    if not os.path.exists(RTC_BENCH):
        raise Skip("objs/rtc_bench is not built: make bench-tools")
    servers, upstream = [], None
    for name in ("origin", "edge", "outer"):
        more = f"}} cluster {{ mode remote; origin {upstream.address}; " if upstream else ""
        upstream = start(t, more, name=name)
        servers.append(upstream)
    publisher = t.spawn([RTC_BENCH, "-m", "publish", "-u", whip(servers[0], "x"), "-t", "0", "--kbps=500"], "publisher")
    wait_for(lambda: "ready: 1 of 1" in publisher.output(), 10, "the publisher")
    players = []
    for s in servers:
        p = t.spawn([RTC_BENCH, "-m", "play", "-u", whep(s, "x"), "-n", "3", "-t", "0", "-w", "2", "--json", "--sample=1"], s.name + "-players")
        wait_for(lambda p=p: "ready: 3 of 3" in p.output(), 20, f"players at {s.name}")
        players.append(p)
    seen = rtc.api(servers[0])["rtc"]["datagrams"]["media"]
    wait_for(lambda: rtc.api(servers[0])["rtc"]["datagrams"]["media"] > seen + 800, 20, "ten seconds of media")
    found = [report(p) for p in players]
    sound, pictures = ([r[kind]["p50"] for r in found] for kind in ("sound_latency_ms", "latency_ms"))
    for ms in (sound, pictures):
        assert all(later - sooner <= 30 for sooner, later in zip(ms, ms[1:])), (sound, pictures)
    print(f"      p50 at the origin, an edge, an edge of that: sound {sound}, pictures {pictures} ms")
