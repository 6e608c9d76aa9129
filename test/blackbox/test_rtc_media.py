"""Media between WebRTC and everything else: by aiortc, which encodes and decodes by itself."""
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import topology as top
from support import httpc, rtc
from support.case import alone, calm
from support.chaos import own_network
from support.lossy import Lossy
from support.probe import Beat
from support.server import wait_for

SERVER = rtc.SERVER % ""
STALL_MS = 100      # a machine that stands still for longer makes packets too late


def start(t, more="", **kw):
    return t.server(kw.pop("name", "srs"), top.conf(rtc.VHOST % more, top=SERVER, **kw))


def vp9_file(t, seconds=6, gop=50):
    """VP9 and a tone as Opus, which a publisher sends as they are."""
    path = t.path(f"media-{gop}.webm")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=s=320x240:r=25:d={seconds}", "-f", "lavfi", "-i",
                    f"sine=440:r=48000:d={seconds}", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", str(gop),
                    "-b:v", "800k", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-b:a", "64k", path], check=True, timeout=60)
    return path


def media_file(t, seconds=6, gop=50, bframes=0, audio="aac"):
    """H.264 and a tone, 25 pictures a second."""
    path = t.path(f"media-{gop}-{bframes}-{audio}.mp4")
    sound = ["-f", "lavfi", "-i", f"sine=440:r=44100:d={seconds}"] if audio else []
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=s=320x240:r=25:d={seconds}", *sound,
                    "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", str(gop), "-bf", str(bframes),
                    *(["-c:a", audio, "-b:a", "64k"] if audio else []), path], check=True, timeout=60)
    return path


def heard(process, i=0):
    peers = rtc.report(process).get("peers") or [{}] * (i + 1)
    return peers[i] if i < len(peers) else {}


def wait_heard(process, what, i=0, seconds=15):
    """Until the peer has so much of each: {"video": 50}."""
    return wait_for(lambda: all(heard(process, i).get(k, 0) >= n for k, n in what.items()) and heard(process, i), seconds,
                    f"{what} at the peer: {rtc.report(process)}")


def probe(url, seconds=4):
    """Streams and packets of what ffprobe plays."""
    out = subprocess.run(["ffprobe", "-v", "error", "-rw_timeout", "5000000", "-read_intervals", f"%+{seconds}", "-show_streams",
                          "-show_packets", "-of", "json", url], capture_output=True, timeout=40, check=False)
    assert out.returncode == 0, out.stderr[-500:]
    return json.loads(out.stdout)


def test_rtmp_is_played_by_whep(t):
    """A stream of H.264 and AAC by RTMP is seen and heard by a WebRTC player, from the newest key frame on."""
    s = start(t)
    t.ffmpeg(media_file(t), s.url("live/a"))
    wait_for(lambda: s.stream("a"), 5, "the stream")
    peer = rtc.aiortc(t, ("play", s.api_url("/rtc/v1/whep/?app=live&stream=a")))
    wait_heard(peer, {"video": 50, "audio": 100, "loud": 90})


def test_whip_is_played_by_everybody(t):
    """A WebRTC publisher is seen and heard by RTMP, HTTP-FLV and WebRTC players, picture and sound together."""
    s = start(t)
    path = media_file(t)
    peer = rtc.aiortc(t, ("publish", s.api_url("/rtc/v1/whip/?app=live&stream=a"), path),
                      ("play", s.api_url("/rtc/v1/whep/?app=live&stream=a")))
    wait_heard(peer, {"video": 25, "loud": 50}, i=1)
    for url in (s.url("live/a"), f"http://127.0.0.1:{s.http}/live/a.flv"):
        found = probe(url)
        codecs = sorted(x["codec_name"] for x in found["streams"])
        assert codecs == ["aac", "h264"], codecs
        times = {k: [float(p["dts_time"]) for p in found["packets"] if p["codec_type"] == k] for k in ("audio", "video")}
        assert len(times["video"]) > 40 and len(times["audio"]) > 100, {k: len(v) for k, v in times.items()}
        for k, v in times.items():
            assert v == sorted(v), k
        steps = [b - a for a, b in zip(times["audio"], times["audio"][1:])]
        assert max(steps) < 0.06, max(steps)


def test_vp9_is_passed(t):
    """VP9 of a WebRTC publisher is seen by WebRTC players, here and behind an edge, and is in FLV as it was sent."""
    s = start(t)
    edge = start(t, f"}} cluster {{ mode remote; origin 127.0.0.1:{s.rtmp}; ", name="edge")
    rtc.aiortc(t, ("publish", s.api_url("/rtc/v1/whip/?app=live&stream=a&codec=vp9"), vp9_file(t)))
    wait_for(lambda: s.stream("a") and s.stream("a")["video"], 10, "the stream")
    video = s.stream("a")["video"]
    assert (video["codec"], video["width"], video["height"]) == ("VP9", 320, 240), video
    players = [rtc.aiortc(t, ("play", x.api_url("/rtc/v1/whep/?app=live&stream=a&codec=vp9")), name=x.name) for x in (s, edge)]
    for player in players:
        wait_heard(player, {"video": 50, "loud": 50})
    media = httpc.Response(s.flv("live/a"))
    wait_for(lambda: b"vp09" in media.read(), 5, "VP9 in FLV")


def test_gstreamer_publishes_and_plays(t):
    """webrtcbin publishes by WHIP and plays by WHEP what it has published, and what an encoder sends by RTMP."""
    # It never looks for ways to 127.0.0.1: the addresses of a pair of interfaces that lead nowhere else.
    own_network("ip link add near type veth peer name far", "ip addr add 10.99.0.1/24 dev near", "ip link set near up",
                "ip link set far up")
    s = t.server("srs", top.conf(rtc.VHOST % "", top="rtc_server { enabled on; listen 10.99.0.1:$rtc; candidate 10.99.0.1; }\n"))
    publisher = rtc.gst(t, "publish", s.api_url("/rtc/v1/whip/?app=live&stream=g"), name="publisher")
    wait_for(lambda: (s.stream("g") or {}).get("video"), 15, f"the stream: {rtc.report(publisher)}")
    t.ffmpeg(media_file(t), s.url("live/a"))
    wait_for(lambda: s.stream("a"), 5, "the stream by RTMP")
    for stream in ("g", "a"):
        player = rtc.gst(t, "play", s.api_url(f"/rtc/v1/whep/?app=live&stream={stream}"), name="player-" + stream)
        wait_heard(player, {"video": 50, "audio": 100}, seconds=20)
        player.popen.terminate()
        assert player.wait(10) == 0, player.output()
    codecs = sorted(x["codec_name"] for x in probe(s.url("live/g"))["streams"])
    assert codecs == ["aac", "h264"], codecs
    publisher.popen.terminate()
    rtc.wait_sessions(s, 0)


def test_pion_publishes_and_plays(t):
    """pion publishes by WHIP and plays by WHEP what it has published, and what an encoder sends by RTMP."""
    s = start(t)
    path = media_file(t)
    pictures = t.path("pictures.h264")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, "-map", "v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", pictures],
                   check=True, timeout=60)
    publisher = rtc.pion(t, "publish", s.api_url("/rtc/v1/whip/?app=live&stream=p"), pictures, name="publisher")
    wait_for(lambda: (s.stream("p") or {}).get("video"), 15, f"the stream: {publisher.output()}")
    t.ffmpeg(path, s.url("live/a"))
    wait_for(lambda: s.stream("a"), 5, "the stream by RTMP")
    players = [rtc.pion(t, "play", s.api_url(f"/rtc/v1/whep/?app=live&stream={stream}"), name="player-" + stream)
               for stream in ("p", "a")]
    for player in players:
        wait_heard(player, {"video": 50, "audio": 100}, seconds=20)
        player.popen.terminate()
        assert player.wait(10) == 0, player.output()
    codecs = sorted(x["codec_name"] for x in probe(s.url("live/p"), seconds=2)["streams"])
    assert codecs == ["aac", "h264"], codecs
    publisher.popen.terminate()
    rtc.wait_sessions(s, 0)


def converts(server):
    """Whether its process has loaded what sound is converted with."""
    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as f:
        return "libavcodec" in f.read()


def test_whip_reaches_an_edge_untouched(t):
    """WHEP at an edge: the Opus of a WebRTC publisher arrives as it was sent, beside the AAC for others, over two hops."""
    origin = start(t, name="origin")
    rtc.aiortc(t, ("publish", origin.api_url("/rtc/v1/whip/?app=live&stream=a"), media_file(t)))
    wait_for(lambda: origin.stream("a") and origin.stream("a")["video"], 10, "the stream")
    wait_for(lambda: converts(origin), 10, "the converter at the origin")
    upstream, edges = origin, []
    for name in ("edge", "outer"):
        upstream = start(t, f"}} cluster {{ mode remote; origin 127.0.0.1:{upstream.rtmp}; ", name=name)
        edges.append(upstream)
    player = rtc.aiortc(t, ("play", edges[-1].api_url("/rtc/v1/whep/?app=live&stream=a")), name="player")
    wait_heard(player, {"video": 25, "loud": 50})
    assert not any(converts(s) for s in edges)
    found = probe(edges[0].url("live/a"))
    assert sorted(x["codec_name"] for x in found["streams"]) == ["aac", "h264"], found["streams"]


def session(s, kind):
    return [x for x in rtc.api(s)["sessions"] if x["type"] == kind][0]


def start_behind(t, line, more=""):
    """A server that clients reach through that line alone."""
    conf = top.conf(rtc.VHOST % more, top="rtc_server { enabled on; listen 127.0.0.1:$rtc; api_as_candidates off; "
                    f"candidate 127.0.0.1:{line.port}; }}\n")
    s = t.server("srs", conf)
    line.connect(s.rtc)
    return s


@alone
def test_a_publisher_on_a_bad_line(t):
    """A tenth of a publisher's packets is lost and a tenth overtaken: what is asked for again makes the pictures whole."""
    line = t.keep(Lossy(lose=0.1, reorder=0.1, delay=0.01))
    s = start_behind(t, line)
    rtc.aiortc(t, ("publish", s.api_url("/rtc/v1/whip/?app=live&stream=a"), media_file(t)))
    wait_for(lambda: rtc.api(s)["sessions"], 10, "the publisher")

    def received():
        return session(s, "rtc-publish").get("received") or {}
    beat, windows = t.keep(Beat()), []
    while not windows or windows[-1][1] > 0.01 * windows[-1][0] + 1:
        # Who is asked again too late, because the machine stood still, is no failure of the server's.
        assert len(windows) < 5 and (not windows or windows[-1][2] > STALL_MS), windows
        before, beat.worst_ms = received(), 0.0
        wait_for(lambda: received().get("pictures", 0) >= before.get("pictures", 0) + 150, 20, "150 pictures")
        found = received()
        windows.append((*(found[k] - before.get(k, 0) for k in ("pictures", "pictures_dropped")), beat.worst_ms))
    assert line.lost > 30 and found["repaired"] > 5, (line.lost, found)
    assert found["asked_again"] < found["packets"] / 2, found


@alone
def test_a_player_on_a_bad_line(t):
    """A player that loses a tenth of its packets gets them again, and sees nearly every picture; others notice nothing."""
    line = t.keep(Lossy(lose=0.1, reorder=0.1, delay=0.01))
    s = start_behind(t, line)
    t.ffmpeg(media_file(t), s.url("live/a"))
    wait_for(lambda: s.stream("a"), 5, "the stream")
    url = s.api_url("/rtc/v1/whep/?app=live&stream=a")
    peer = rtc.aiortc(t, ("play", url), ("play", url + f"&eip=127.0.0.1:{s.rtc}"))
    wait_heard(peer, {"video": 60}, i=0)
    shares = []
    while not shares or shares[-1] <= 0.85 and len(shares) < 5:     # a busy machine makes pictures late in either
        before = [heard(peer, i)["video"] for i in (0, 1)]
        wait_heard(peer, {"video": before[1] + 75}, i=1)
        bad, good = (heard(peer, i)["video"] - before[i] for i in (0, 1))
        shares.append(bad / good)
    assert shares[-1] > 0.85, shares
    sent = [x["sent"] for x in rtc.api(s)["sessions"] if x["type"] == "rtc-play"]
    repeats = sorted(x["repeated"] for x in sent)
    assert repeats[0] == 0 and repeats[1] > 5, sent
    assert all(x["unrepeatable"] == 0 and x["refused"] == 0 for x in sent), sent


def test_without_repeats_key_frames_repair_a_publisher(t):
    """nack off: what a publisher loses is not asked for again; key frames are, and the pictures go on behind them."""
    line = t.keep(Lossy())
    s = start_behind(t, line, "nack off;")
    answer = rtc.whip(s, "offered").content
    assert b"nack" not in answer and b" rtx/" not in answer, answer
    rtc.aiortc(t, ("publish", s.api_url("/rtc/v1/whip/?app=live&stream=a"), media_file(t)))
    wait_for(lambda: (s.stream("a") or {}).get("video"), 15, "the stream")
    before = session(s, "rtc-publish")["received"]
    line.lose_some(20)
    wait_for(lambda: session(s, "rtc-publish")["received"]["pictures_dropped"] > before["pictures_dropped"], 10, "lost pictures")
    found = session(s, "rtc-publish")["received"]
    wait_for(lambda: session(s, "rtc-publish")["received"]["pictures"] > found["pictures"] + 25, 10, "pictures behind them")
    found = session(s, "rtc-publish")["received"]
    assert found["asked_again"] == 0 and found["repaired"] == 0, found
    assert found["lost"] > 0 and found["key_frames_asked"] > before["key_frames_asked"], found
    kinds = [p["codec_type"] for p in probe(s.url("live/a"))["packets"]]
    assert kinds.count("video") > 20, kinds.count("video")


def test_bitrates_are_told_where_twcc_is_not_known(t):
    """A publisher without TWCC is told a bitrate, and one with it is not; what players say of theirs is in the API."""
    s = start(t)
    rtc.aiortc(t, ("publish", s.api_url("/rtc/v1/whip/?app=live&stream=a"), media_file(t)),
               ("play", s.api_url("/rtc/v1/whep/?app=live&stream=a")))
    wait_for(lambda: len(rtc.api(s)["sessions"]) == 2 and session(s, "rtc-publish").get("received", {}).get("allowed_kbps", 0) > 1000,
             15, "the bitrate that the publisher is told")
    answer = rtc.whip(s, "b").content.decode()
    assert "transport-cc" in answer and "goog-remb" not in answer, answer
    off = start(t, "twcc off;", name="off")
    answer = rtc.whip(off, "b").content.decode()
    assert "transport-cc" not in answer and "goog-remb" in answer, answer
    assert "goog-remb" in rtc.whep(off, "b").content.decode()


def flash_file(t, seconds=12):
    """A black picture that is white for a fifth of each second, with a tone in the same moments."""
    path = t.path("flashes.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                    f"color=black:s=320x240:r=25:d={seconds},geq=lum='if(lt(mod(T,1),0.19),235,16)':cb=128:cr=128", "-f", "lavfi", "-i",
                    f"aevalsrc='if(lt(mod(t,1),0.2),0.5*sin(2*PI*1000*t),0)':s=48000:d={seconds}", "-c:v", "libx264", "-preset", "ultrafast",
                    "-pix_fmt", "yuv420p", "-g", "50", "-bf", "0", "-c:a", "aac", "-b:a", "96k", path], check=True, timeout=60)
    return path


def middle(values):
    return sorted(values)[len(values) // 2]


def recorded_lateness(path):
    """How much later each tone is than the light, in milliseconds, as ffmpeg decodes it."""
    out = subprocess.run(["ffmpeg", "-i", path, "-vf", "blackdetect=d=0.1:pix_th=0.5:pic_th=0.9", "-af", "silencedetect=n=-30dB:d=0.1",
                          "-f", "null", "-"], capture_output=True, text=True, timeout=60, check=False).stderr
    lights = [float(x) for x in re.findall(r"black_end:([0-9.]+)", out)]
    tones = [float(x) for x in re.findall(r"silence_end: ([0-9.]+)", out)]
    assert len(lights) > 3 and len(tones) > 3, out[-2000:]
    return [round(1000 * min((tone - light for tone in tones), key=abs), 1) for light in lights[1:-1]]


def test_picture_and_sound_from_rtmp_to_webrtc(t):
    """Of an encoder by RTMP, light and tone of one moment reach WebRTC players within 40 ms of each other."""
    s = start(t)
    t.ffmpeg(flash_file(t), s.url("live/a"))
    wait_for(lambda: (s.stream("a") or {}).get("video"), 10, "the stream")
    player = rtc.aiortc(t, ("play", s.api_url("/rtc/v1/whep/?app=live&stream=a")))
    late = wait_for(lambda: len(heard(player).get("late_ms", [])) > 5 and heard(player)["late_ms"], 20, "flashes")
    assert abs(middle(late)) <= 40, late


@calm
def test_picture_and_sound_from_webrtc_to_others(t):
    """Of a WebRTC publisher, light and tone of one moment are within 40 ms of each other in RTMP, HTTP-FLV and WebRTC."""
    s = start(t)
    rtc.aiortc(t, ("publish", s.api_url("/rtc/v1/whip/?app=live&stream=a"), "flashes"), name="publisher")
    wait_for(lambda: (s.stream("a") or {}).get("video"), 10, "the stream")
    player = rtc.aiortc(t, ("play", s.api_url("/rtc/v1/whep/?app=live&stream=a")), name="player")
    wait_for(lambda: len(heard(player).get("late_ms", [])) > 4, 20, "flashes")     # the tracks have found each other by then
    ways = (("rtmp", s.url("live/a")), ("flv", s.flv("live/a")))
    with ThreadPoolExecutor() as both:
        list(both.map(lambda way: t.record(way[1], 8, name=way[0] + ".flv"), ways))
    for name, _ in ways:
        late = recorded_lateness(t.path(name + ".flv"))
        assert abs(middle(late)) <= 40, (name, late)
    late = heard(player)["late_ms"][2:]
    assert abs(middle(late)) <= 40, late
