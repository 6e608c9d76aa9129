"""SRS's own black-box cases as facts: the environment that they start a server with, how they record and what they look
at."""
import base64
import concurrent.futures
import json
import os
import signal
import subprocess

from support import case, flv, hookserver, httpc
from support.server import free_port, wait_for
from test_hls import encoded

# As the harness sets it for every case; the case's own variables follow.
COMMON = {"SRS_DAEMON": "off", "SRS_SRS_LOG_FILE": "console", "MallocNanoZone": "0", "SRS_MAX_CONNECTIONS": "100",
          "SRS_HTTP_SERVER_DIR": "./objs/nginx/html", "SRS_VHOST_HLS_HLS_PATH": "./objs/nginx/html",
          "SRS_VHOST_HLS_HLS_M3U8_FILE": "[app]/[stream].m3u8", "SRS_VHOST_HLS_HLS_TS_FILE": "[app]/[stream]-[seq].ts",
          "SRS_HTTP_API_ENABLED": "on", "SRS_HTTP_SERVER_ENABLED": "on"}
SECONDS = 16
FAST = 8        # the harness publishes in real time; nothing that it looks at knows


def start(t, name="srs", **env):
    rtmp, http, api, srt = (free_port() for _ in range(4))
    s = t.server(name, "# port $rtmp", args=["-e"], values={"rtmp": rtmp, "http": http, "api": api},
                 env={**COMMON, "SRS_LISTEN": str(rtmp), "SRS_HTTP_SERVER_LISTEN": str(http), "SRS_HTTP_API_LISTEN": str(api),
                      "SRS_SRT_SERVER_LISTEN": str(srt), "SRS_SERVER_ID": "srs-id", **env})
    wait_for(lambda: httpc.fetch(s.api_url("/api/v1/versions")).status, 10, "the API")
    return s


def with_mp3(t, seconds=60):
    path = os.path.join(flv.MEDIA, f"srs-mp3-{seconds}.flv")
    if not os.path.exists(path):
        part = f"{path}.{os.getpid()}.part"
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", t.media(seconds), "-c:v", "copy", "-c:a", "libmp3lame", "-f", "flv",
                        part], check=True)
        os.rename(part, path)
    return path


def described(path):
    """The streams and the format of a file."""
    said = subprocess.run(["ffprobe", "-show_error", "-v", "quiet", "-find_stream_info", "-analyzeduration", "16000000",
                           "-print_format", "json", "-show_format", "-show_streams", path], capture_output=True, check=True)
    return json.loads(said.stdout)


def recorded(t, url, name):
    """What ffmpeg copies in sixteen seconds of media, as ffprobe describes it; recorders try again until there is something."""
    out = t.path(name)

    def once():
        subprocess.run(["ffmpeg", "-v", "error", "-t", str(SECONDS), "-i", url, "-c", "copy", "-y", out], timeout=40, check=False)
        return os.path.exists(out) and os.path.getsize(out) > 1024
    wait_for(once, 40, "a recording", every=0.5)
    return described(out)


def record(t, url, name):
    """Its codecs, how many streams there are, and its seconds."""
    said = recorded(t, url, name)
    return {x["codec_name"] for x in said["streams"]}, len(said["streams"]), float(said["format"]["duration"])


def ends_well(s):
    """The harness sends SIGINT, and wants status 0."""
    s.stop(signal.SIGINT)


@case.calm
@case.limit(120)
def test_hls_play_basic(t):
    """RtmpPublish_HlsPlay_Basic: two streams and half the time, by the default fragment of ten seconds and a session."""
    s = start(t, SRS_VHOST_HLS_ENABLED="on")
    t.publish(s.url("live/a"), t.media(60, gop=1.0), speed=FAST)
    codecs, count, seconds = record(t, s.web("/live/a.m3u8"), "out.ts")
    assert codecs == {"h264", "aac"} and count == 2 and seconds >= SECONDS / 2, (codecs, seconds)
    ends_well(s)


@case.calm
@case.limit(120)
def test_hls_play_mp3(t):
    """RtmpPublish_HlsPlay_CodecMP3_Basic."""
    s = start(t, SRS_VHOST_HLS_ENABLED="on")
    t.publish(s.url("live/a"), with_mp3(t), speed=FAST)
    codecs, count, seconds = record(t, s.web("/live/a.m3u8"), "out.ts")
    assert codecs == {"h264", "mp3"} and count == 2 and seconds >= SECONDS / 2, (codecs, seconds)
    ends_well(s)


@case.limit(120)
def test_http_ts_play_mp3(t):
    """RtmpPublish_HttpTsPlay_CodecMP3_Basic."""
    s = start(t, SRS_VHOST_HTTP_REMUX_ENABLED="on", SRS_VHOST_HTTP_REMUX_MOUNT="[vhost]/[app]/[stream].ts")
    t.publish(s.url("live/a"), with_mp3(t), speed=FAST)
    codecs, count, seconds = record(t, s.web("/live/a.ts"), "out.ts")
    assert codecs == {"h264", "mp3"} and count == 2 and seconds >= SECONDS - 1, (codecs, seconds)
    ends_well(s)


@case.limit(120)
def test_http_mp3_play(t):
    """RtmpPublish_HttpMp3Play_CodecMP3_Basic: one stream."""
    s = start(t, SRS_VHOST_HTTP_REMUX_ENABLED="on", SRS_VHOST_HTTP_REMUX_MOUNT="[vhost]/[app]/[stream].mp3")
    t.publish(s.url("live/a"), with_mp3(t), speed=FAST)
    codecs, count, seconds = record(t, s.web("/live/a.mp3"), "out.mp3")
    assert codecs == {"mp3"} and count == 1 and seconds >= SECONDS - 1, (codecs, seconds)
    ends_well(s)


def dvr(t, ending):
    """The harness publishes for sixteen seconds, kills the publisher, and looks at the file that on_dvr names."""
    hooks = t.keep(hookserver.HookServer())
    s = start(t, SRS_VHOST_DVR_ENABLED="on", SRS_VHOST_DVR_DVR_PLAN="session",
              SRS_VHOST_DVR_DVR_PATH=f"./objs/nginx/html/[app]/[stream].[timestamp].{ending}",
              SRS_VHOST_DVR_DVR_DURATION="16000", SRS_VHOST_HTTP_HOOKS_ENABLED="on",
              SRS_VHOST_HTTP_HOOKS_ON_DVR=hooks.url("/api/v1/dvrs"), SRS_VHOST_PUBLISH_RECONNECT_GRACE="1")
    p = t.publish(s.url("live/a"), t.media(20), speed=FAST)
    wait_for(lambda: p.sent and p.sent[-1].ts >= SECONDS * 1000, 30, "sixteen seconds")
    p.stop(clean=False)
    told = wait_for(lambda: hooks.of("on_dvr"), 30, "on_dvr")[0]
    said = subprocess.run(["ffprobe", "-v", "quiet", "-print_format", "json", "-show_format", "-show_streams",
                           os.path.join(s.folder, told["file"])], capture_output=True, check=True)
    said = json.loads(said.stdout)
    assert len(said["streams"]) == 2 and said["format"]["probe_score"] >= 90, said
    assert float(said["format"]["duration"]) >= SECONDS / 2, said
    ends_well(s)


@case.limit(120)
def test_dvr_flv_basic(t):
    """RtmpPublish_DvrFlv_Basic."""
    dvr(t, "flv")


@case.limit(120)
def test_dvr_mp4_basic(t):
    """RtmpPublish_DvrMp4_Basic."""
    dvr(t, "mp4")


REMUX = {"SRS_VHOST_HTTP_REMUX_ENABLED": "on"}
# The environment, the sound, and of each way to play the case that says so. Those that have one environment but for what
# the other one does not look at share a server.
PLAYED = [
    (REMUX, "aac", {"rtmp": "RtmpPublish_RtmpPlay_Basic", "flv": "RtmpPublish_HttpFlvPlay_Basic"}),
    ({"SRS_CHUNK_SIZE": "128"}, "aac", {"rtmp": "RtmpPublish_RtmpPlay_ChunkSize128"}),
    ({"SRS_VHOST_PLAY_ATC": "on"}, "aac", {"rtmp": "RtmpPublish_RtmpPlay_EnableATC"}),
    ({**REMUX, "SRS_VHOST_HTTP_REMUX_GUESS_HAS_AV": "off"}, "mp3",
     {"rtmp": "RtmpPublish_RtmpPlay_CodecMP3_Basic", "flv": "RtmpPublish_HttpFlvPlay_CodecMP3_Basic"}),
]


@case.limit(120)
def test_rtmp_and_flv_play(t):
    """RtmpPublish_RtmpPlay_Basic, …_HttpFlvPlay_Basic, …_RtmpPlay_ChunkSize128, …_RtmpPlay_EnableATC, and both with MP3: two
    streams, all of the time, and no doubt what they are."""
    media = {"aac": flv.read_file(t.media(20, gop=1.0)), "mp3": flv.read_file(with_mp3(t, 10))}

    def judge(work):
        url, sound, name = work
        said = recorded(t, url, name + ".flv")
        assert sorted(x["codec_name"] for x in said["streams"]) == sorted(("h264", sound)), (name, said)
        assert said["format"]["probe_score"] >= 90 and float(said["format"]["duration"]) >= SECONDS - 0.1, (name, said)
    servers, works = [], []
    for n, (env, sound, cases) in enumerate(PLAYED):
        s = start(t, f"srs{n}", **env)
        t.publish(s.url("live/a"), media[sound], speed=FAST)
        servers.append(s)
        works += [(s.flv("live/a") if way == "flv" else s.url("live/a"), sound, name) for way, name in cases.items()]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(judge, works))
    for s in servers:
        ends_well(s)


def test_http_api_basic_auth(t):
    """Http_Api_Basic_Auth: with the right name and password 200, with others or without 401."""
    s = start(t, SRS_HTTP_API_AUTH_ENABLED="on", SRS_HTTP_API_AUTH_USERNAME="admin", SRS_HTTP_API_AUTH_PASSWORD="admin")
    for words, status in ((b"admin:admin", 200), (b"admin:invalid", 401), (None, 401)):
        headers = {"Authorization": "Basic " + base64.b64encode(words).decode()} if words else {}
        assert httpc.fetch(s.api_url("/api/v1/versions"), headers=headers).status == status, words
    ends_well(s)


@case.limit(120)
def test_hevc(t):
    """RtmpPublish_HttpTsPlay_HEVC_Basic and RtmpPublish_HlsPlay_HEVC_Basic, by the tests' own encoder and ffmpeg as the
    player: two streams, half the time."""
    media = encoded("hevc")
    live = start(t, "live", SRS_VHOST_HTTP_REMUX_MOUNT="[vhost]/[app]/[stream].ts", **REMUX)
    cut = start(t, "cut", SRS_VHOST_HLS_ENABLED="on")
    for s, ending in ((live, ".ts"), (cut, ".m3u8")):
        t.publish(s.url("live/a"), media, speed=FAST)
    for s, ending in ((live, ".ts"), (cut, ".m3u8")):
        codecs, count, seconds = record(t, s.web("/live/a" + ending), s.name + ".ts")
        assert codecs == {"hevc", "aac"} and count == 2 and seconds >= SECONDS / 2, (ending, codecs, seconds)
        ends_well(s)
