"""SRT: publishers and players by ffmpeg, GStreamer and srt-live-transmit, beside all other protocols."""
import json
import signal
import subprocess

import topology as top
from support import httpc, rtc, srt
from support.case import alone, calm
from support.hookserver import HookServer
from support.lossy import Lossy
from support.server import free_port, wait_for
from test_rtc_media import wait_heard

PLAY = "play { mw_latency 50; }"


def start(t, vhost="", name="srs", options="", values=None):
    srt.need(t)
    return t.server(name, top.conf(srt.VHOST % "" + PLAY + vhost, top=srt.SERVER % options), values=values)


def origins(t):
    """Two coworkers with SRT."""
    api = [free_port(), free_port()]
    return [start(t, f"cluster {{ mode local; origin_cluster on; coworkers 127.0.0.1:{api[1 - i]}; }}", name="ab"[i],
                  values={"api": api[i]}) for i in range(2)]


def over(process, seconds=20):
    """A publisher that has come to the end of its file."""
    assert process.wait(seconds) == 0, process.output()[-1000:]


def record_srt(t, link, seconds, name):
    """A process that records what ffmpeg plays by SRT, untouched."""
    out = t.path(name + ".ts")
    return out, t.spawn(["ffmpeg", "-nostdin", "-v", "warning", "-y", "-analyzeduration", "1000000", "-probesize", "200000",
                         "-i", link, "-t", str(seconds), "-c", "copy", out], name)


@calm
def test_a_publisher_is_played_by_all_protocols(t):
    """What ffmpeg publishes by SRT is played by RTMP, HTTP-FLV and SRT bit for bit, with sound and pictures as far apart as they were."""
    s = start(t)
    path = srt.media_file(t, seconds=5, bframes=2)
    sent = srt.as_flv(t, path, "sent")
    rtmp, web = t.probe(s.url("live/a")), t.probe(s.flv("live/a"), idle=30)
    out, recorder = record_srt(t, srt.play_url(s), 3, "played")
    wait_for(lambda: s.stream("a") and s.stream("a")["clients"] >= 2, 5, "the players")
    over(srt.ffmpeg(t, path, srt.publish_url(s), loop=False))
    wait_for(lambda: len(srt.pictures(rtmp.messages)) == len(srt.pictures(sent)), 5, "all pictures")
    for probe in (rtmp, web):
        assert srt.pictures(probe.messages) == srt.pictures(sent)
        assert srt.is_within(srt.sounds(probe.messages), srt.sounds(sent)), len(srt.sounds(probe.messages))
        assert len(srt.sounds(probe.messages)) >= len(srt.sounds(sent)) - 2
        assert abs(srt.spread(probe.messages) - srt.spread(sent)) <= 2
    recorder.wait(10)
    played = srt.as_flv(t, out, "as-played")
    assert len(srt.pictures(played)) > 50
    assert srt.is_within(srt.pictures(played), srt.pictures(sent), 1)
    assert srt.is_within(srt.sounds(played), srt.sounds(sent), 2)


def test_hls_is_made_of_it(t):
    """A stream that comes by SRT has segments of HLS with its pictures and sound."""
    s = start(t, "hls { enabled on; hls_fragment 1; hls_window 10; }")
    srt.ffmpeg(t, srt.media_file(t, seconds=4), srt.publish_url(s))
    url = s.web("/live/a.m3u8")
    wait_for(lambda: httpc.fetch(url).status == 200, 15, "the playlist")
    assert set(srt.probe(url, 2)) == {"h264", "aac"}


def test_webrtc_plays_it(t):
    """What ffmpeg publishes by SRT is seen and heard by WebRTC players, here and behind an edge."""
    srt.need(t)
    s = t.server("srs", top.conf(srt.VHOST % "" + rtc.VHOST % "", top=srt.SERVER % "" + rtc.SERVER % ""))
    edge = t.server("edge", top.conf(rtc.VHOST % f"}} cluster {{ mode remote; origin {s.address}; ", top=rtc.SERVER % ""))
    srt.ffmpeg(t, srt.media_file(t), srt.publish_url(s))
    s.wait_live("a", 10)
    for server in (s, edge):
        player = rtc.aiortc(t, ("play", server.api_url("/rtc/v1/whep/?app=live&stream=a")), name="player-" + server.name)
        wait_heard(player, {"video": 50, "audio": 100, "loud": 90}, seconds=20)


def test_gstreamer_publishes_and_plays(t):
    """GStreamer's srtsink publishes what its srtsrc plays."""
    t.need("gst-launch-1.0")
    s = start(t)
    base = f"srt://127.0.0.1:{s.srt}"
    t.spawn(["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=240,framerate=25/1", "!",
             "x264enc", "tune=zerolatency", "key-int-max=25", "!", "h264parse", "!", "mpegtsmux", "alignment=7", "!", "srtsink",
             f"uri={base}", "streamid=#!::r=live/a,m=publish", "latency=100"], "gst-publish")
    s.wait_live("a", 10)
    out = t.path("gst.ts")
    t.spawn(["gst-launch-1.0", "-q", "srtsrc", f"uri={base}", "streamid=live/a", "!", "filesink", f"location={out}"], "gst-play")
    wait_for(lambda: (srt.session(s, "srt-play") or {}).get("send_bytes", 0) > 100000, 15, "media for the player")
    assert srt.probe(srt.play_url(s), 2).get("h264", 0) > 20
    assert srt.api(s)["sessions"][0]["received"]["latency_ms"] == 120     # the larger one of both sides


def test_srt_live_transmit_publishes_and_plays(t):
    """srt-live-transmit carries a transport stream here, and away from here, as it is."""
    s = start(t)
    path = srt.media_file(t, seconds=4)
    sent, bridge = srt.as_flv(t, path, "sent"), free_port()
    t.spawn(["srt-live-transmit", f"udp://127.0.0.1:{bridge}", srt.publish_url(s)], "transmit-publish")
    wait_for(lambda: srt.session(s, "srt-publish"), 5, "the publisher")
    rtmp = t.probe(s.url("live/a"))
    with open(t.path("played.ts"), "wb") as out:
        player = subprocess.Popen(["srt-live-transmit", "-q", srt.play_url(s), "file://con"], stdout=out, stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: srt.session(s, "srt-play"), 5, "the player")
        over(srt.ffmpeg(t, path, f"udp://127.0.0.1:{bridge}?pkt_size=1316", loop=False))
        wait_for(lambda: len(srt.pictures(rtmp.messages)) >= len(srt.pictures(sent)) - 1, 5, "all pictures")
    finally:
        player.terminate()
        player.wait(10)
    played = srt.pictures(srt.as_flv(t, t.path("played.ts"), "as-played"))
    assert len(played) >= len(srt.pictures(sent)) // 2        # what is under way when the player is ended is lost
    assert srt.is_within(played, srt.pictures(sent), 1)


@calm
def test_edges_carry_it_both_ways(t):
    """A stream published by SRT at an edge is at its origin; one of the origin is played by SRT at the edge."""
    origin = start(t, name="origin")
    edge = start(t, f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp}; }}", name="edge")
    path = srt.media_file(t, seconds=5)
    sent = srt.as_flv(t, path, "sent")
    at_origin = t.probe(origin.url("live/a"))
    over(srt.ffmpeg(t, path, srt.publish_url(edge), loop=False))
    wait_for(lambda: len(srt.pictures(at_origin.messages)) == len(srt.pictures(sent)), 5, "all pictures at the origin")
    assert srt.pictures(at_origin.messages) == srt.pictures(sent)
    t.publish(origin.url("live/b"), t.media(20))
    assert srt.probe(srt.play_url(edge, "live/b"), 2).get("h264", 0) > 20


def test_a_stream_of_a_coworker_is_relayed(t):
    """SRT knows no redirect: an origin fetches for its SRT player what a coworker has, whatever on_miss says."""
    a, b = origins(t)
    t.publish(b.url("live/y"), t.media(20))
    b.wait_live("y")
    assert srt.probe(srt.play_url(a, "live/y"), 2).get("h264", 0) > 20


def test_callers_are_refused_with_a_reason(t):
    """A caller that cannot be let in is told why in the handshake, as the numbers of libsrt say it."""
    s = start(t, "security { enabled on; deny publish 127.0.0.1; allow play all; } }\n"
              "vhost off.example { ")
    for stream_id, reason in (("#!::r=live/a,m=bidirectional", 1405), ("#!::m=publish", 1400), ("#!::r=live/../a", 1400),
                              ("#!:{r=live/a}", 1400), ("#!::r=live/a,h=off.example", 1403), ("#!::r=live/a,m=publish", 1403),
                              ("live/a", 0), ("", 0)):
        told = srt.call(s, stream_id)
        assert (told["reason"], told["connected"]) == (reason, reason == 0), (stream_id, told)
    counts = srt.api(s)["srt"]
    assert counts["refused_handshakes"] == 6 and counts["opened"] == 2, counts


def test_passphrases_are_asked_for(t):
    """A wrong passphrase, and none, is refused in the handshake; a vhost may have its own, and a reload changes it."""
    s = start(t, options="passphrase ten-characters; pbkeylen 16;",
              vhost="} vhost own.example { srt { enabled on; passphrase another-passphrase; } ")
    right, own = "ten-characters", "another-passphrase"
    for stream_id, passphrase, reason in (("live/a", right, 0), ("live/a", own, 10), ("live/a", "", 11),
                                          ("#!::r=live/a,h=own.example", own, 0), ("#!::r=live/a,h=own.example", right, 10)):
        told = srt.call(s, stream_id, passphrase)
        assert told["reason"] == reason, (stream_id, passphrase, told)
    srt.ffmpeg(t, srt.media_file(t, seconds=4), srt.publish_url(s, passphrase=right))
    s.wait_live("a", 10)
    assert srt.session(s, "srt-publish")["encrypted"]
    s.write_conf(s.conf.replace(right, "changed-passphrase"))
    s.signal(signal.SIGHUP)
    wait_for(lambda: srt.call(s, "live/a", "changed-passphrase")["connected"], 10, "the new passphrase")
    assert srt.call(s, "live/a", right)["reason"] == 10
    assert srt.session(s, "srt-publish"), "the publisher went with the reload"


@alone
def test_nothing_is_missing_behind_a_bad_line(t):
    """With 5 % of all packets lost and a latency of 200 ms, every picture and every sound arrives; the API tells of the losses.

    The line is good for the last ten pictures: the receiver cannot know of the very last packet, and libsrt sends none again
    by itself to who reports losses."""
    s = start(t, options="latency 200;")
    line = t.keep(Lossy(s.srt, lose=0.05, delay=0.005, every=True, seed=7))
    path = srt.media_file(t, seconds=6)
    sent = srt.as_flv(t, path, "sent")
    rtmp = t.probe(s.url("live/a"))
    publisher = srt.ffmpeg(t, path, srt.publish_url(s, port=line.port, linger=5), loop=False)
    lost = {}

    def look():
        lost.update((srt.session(s, "srt-publish") or {}).get("received", {}))
        if len(srt.pictures(rtmp.messages)) > len(srt.pictures(sent)) - 10:
            line.lose = 0.0
        return not publisher.alive
    wait_for(look, 20, "the end of the file", every=0.05)
    # The line may lose the word that ends the connection as well. Nothing marks the end of the last picture then, so
    # that it comes when the server gives the publisher up.
    wait_for(lambda: len(srt.pictures(rtmp.messages)) == len(srt.pictures(sent)), 15, "all pictures")
    assert srt.pictures(rtmp.messages) == srt.pictures(sent)
    assert srt.is_within(srt.sounds(rtmp.messages), srt.sounds(sent))
    assert line.lost > 10 and lost["lost"] > 5 and lost["dropped"] == 0, (line.lost, lost)
    assert lost["latency_ms"] == 200, lost


@alone
def test_a_player_behind_a_bad_line_misses_nothing(t):
    """With 5 % of all packets lost between server and player, and a latency of 200 ms, the player gets every picture and every sound from
    its first one to its last one; the API tells of what was sent again."""
    s = start(t, options="latency 200;")
    line = t.keep(Lossy(s.srt, lose=0.05, delay=0.005, every=True, seed=11))
    path = srt.media_file(t, seconds=15)
    sent = srt.as_flv(t, path, "sent")
    srt.ffmpeg(t, path, s.url("live/a"), loop=False, extra=("-c", "copy"), form="flv")
    s.wait_live("a", 10)
    out, recorder = record_srt(t, srt.play_url(s, port=line.port, linger=0), 5, "played")
    told = {}

    def look():
        told.update((srt.session(s, "srt-play") or {}).get("sent", {}))
        return not recorder.alive
    wait_for(look, 25, "the end of the recording", every=0.05)
    played = srt.as_flv(t, out, "as-played")
    assert len(srt.pictures(played)) > 100
    assert srt.is_within(srt.pictures(played), srt.pictures(sent), 1)
    assert srt.is_within(srt.sounds(played), srt.sounds(sent), 2)
    assert line.lost > 10 and told["lost"] + told["retransmitted"] > 5 and told["dropped"] == 0, (line.lost, told)


def programs_file(t, seconds=4):
    """Two programs: the first with one sound, the second with two; and how to publish it with both."""
    path = t.path("programs.ts")
    inputs = [x for text in ("testsrc=s=320x240:r=25", "sine=440", "testsrc=s=160x120:r=25", "sine=880", "sine=1760")
              for x in ("-f", "lavfi", "-t", str(seconds), "-i", text)]
    programs = ["-program", "program_num=1:st=0:st=1", "-program", "program_num=2:st=2:st=3:st=4"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, *(x for i in range(5) for x in ("-map", str(i))), "-c:v", "libx264", "-preset",
                    "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "0", "-c:a", "aac", *programs, "-pes_payload_size", "0", "-f",
                    "mpegts", path], check=True, timeout=60)
    return path, ("-map", "0:v:0", "-map", "0:a:0", "-map", "0:v:1", "-map", "0:a:1", "-map", "0:a:2", "-c", "copy", *programs,
                  "-pes_payload_size", "0")


def only(t, path, video, audio):
    out = t.path(f"only-{video}-{audio}.ts")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, "-map", f"0:v:{video}", "-map", f"0:a:{audio}", "-c", "copy", "-f", "mpegts",
                    out], check=True, timeout=60)
    return srt.as_flv(t, out, f"only-{video}-{audio}")


@calm
def test_a_program_and_a_sound_are_named(t):
    """A publisher of two programs, and an ingest by its URL, names the one that is taken and which of its sounds; who names none gets the
    first. A number that cannot be is refused in the handshake, a program that is not there later."""
    s = start(t)
    path, extra = programs_file(t)
    cases = (("first", "", 0, 0), ("second", ",program=2", 1, 1), ("third", ",program=2,audio=2", 1, 2))
    for name, more, video, audio in cases:
        want = only(t, path, video, audio)
        probe = t.probe(s.url("live/" + name))
        publisher = srt.ffmpeg(t, path, srt.publish_url(s, f"live/{name}{more}"), loop=False, extra=extra)
        over(publisher)
        wait_for(lambda p=probe, w=want: len(srt.pictures(p.messages)) >= len(srt.pictures(w)), 10, "all pictures of " + name)
        assert srt.pictures(probe.messages) == srt.pictures(want), name
        assert len(srt.sounds(probe.messages)) > 100 and srt.is_within(srt.sounds(probe.messages), srt.sounds(want)), name
    for stream_id in ("#!::r=live/a,m=publish,program=two", "#!::r=live/a,m=publish,program=2,audio=0"):
        assert srt.call(s, stream_id)["reason"] == 1400, stream_id
    t.spawn(["ffmpeg", "-nostdin", "-v", "warning", "-stream_loop", "-1", "-i", path, *extra, "-f", "mpegts",
             srt.publish_url(s, "live/none,program=7")], "ffmpeg-no-program")      # as fast as it goes
    s.wait_log("the transport stream has no program 7", 20)
    want, far = only(t, path, 1, 2), free_port()
    t.spawn(["ffmpeg", "-nostdin", "-v", "warning", "-re", "-stream_loop", "-1", "-i", path, *extra, "-f", "mpegts",
             f"srt://127.0.0.1:{far}?mode=listener"], "ffmpeg-listener")
    near = t.server("near", top.conf(f"""
        ingest other {{ enabled on; input {{ type stream; url "srt://127.0.0.1:{far}?program=2&audio=2"; }}
            engine {{ enabled off; output rtmp://127.0.0.1:[port]/live/got; }} }}"""))
    seen = t.probe(near.url("live/got"))
    wait_for(lambda: len(srt.pictures(seen.messages)) > 20 and len(srt.sounds(seen.messages)) > 20, 15, "what was named")
    assert srt.is_within(srt.pictures(seen.messages)[:20], srt.pictures(want) * 2)
    assert srt.is_within(srt.sounds(seen.messages)[:20], srt.sounds(want) * 2)


@calm
def test_web_services_are_asked(t):
    """Hooks hear of an SRT publisher and player with their parameters, and may refuse them."""
    hooks = t.keep(HookServer())
    s = start(t, "http_hooks { enabled on; " + " ".join(
        f"{name} {hooks.url()};" for name in ("on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop")) + " }")
    publisher = srt.ffmpeg(t, srt.media_file(t, seconds=4), srt.url(s, "#!::r=live/a,m=publish,token=x=y"))
    s.wait_live("a", 10)
    assert srt.probe(srt.play_url(s), 1)
    publisher.kill9()
    wait_for(lambda: len(hooks.of("on_close")) == 2, 15, "both ends")
    said = hooks.of("on_publish")[0]
    assert (said["app"], said["stream"], said["tcUrl"]) == ("live", "a", "srt://__defaultVhost__/live"), said
    assert "token=x" in said["param"], said
    assert [len(hooks.of(e)) for e in ("on_connect", "on_unpublish", "on_play", "on_stop")] == [2, 1, 1, 1], hooks.heard
    hooks.say = (200, json.dumps({"code": 1, "data": None}))
    told = srt.call(s, "#!::r=live/b,m=publish", hold=5)
    assert told["connected"] and told["lasted"] is not None, told
    assert srt.api(s)["srt"]["refused"] >= 1


def test_a_name_is_taken_once(t):
    """A second publisher of a stream is closed while the first one sends, and takes over from one that has fallen silent."""
    s = start(t)
    path = srt.media_file(t, seconds=4)
    first = srt.ffmpeg(t, path, srt.publish_url(s))
    s.wait_live("a", 10)
    told = srt.call(s, "#!::r=live/a,m=publish", hold=6)
    assert told["connected"] and told["lasted"] is not None, told
    assert first.alive and s.stream("a")["publish"]["active"]
    first.freeze()
    heard = [srt.session(s, "srt-publish")["recv_bytes"], 0]

    def is_silent():
        heard.append(srt.session(s, "srt-publish")["recv_bytes"])
        return heard[-1] == heard[-30:][0] and len(heard) > 30
    wait_for(is_silent, 5, "silence of the first one")
    srt.ffmpeg(t, path, srt.publish_url(s))
    s.wait_log("is replaced|took over", 10)
    s.wait_live("a")


def test_a_client_is_kicked(t):
    """DELETE of a client ends the SRT connection of that publisher and player."""
    s = start(t)
    publisher = srt.ffmpeg(t, srt.media_file(t, seconds=4), srt.publish_url(s))
    s.wait_live("a", 10)
    client = next(c for c in s.json("/api/v1/clients/")["clients"] if c["type"] == "srt-publish")
    s.json(f"/api/v1/clients/{client['id']}", method="DELETE")
    wait_for(lambda: not publisher.alive, 10, "its end")
    wait_for(lambda: srt.api(s)["srt"]["sessions"] == 0, 5, "no session")


@calm
def test_hevc_is_played_by_all_protocols(t):
    """HEVC by SRT is played by RTMP, HTTP-FLV, HTTP-TS, HLS and SRT."""
    s = start(t, "hls { enabled on; hls_fragment 1; }")
    edge = t.server("edge", top.edge(s.address).replace("[stream].flv", "[stream].ts"))
    path = srt.media_file(t, seconds=4, video="libx265", extra=("-x265-params", "log-level=error"))
    srt.ffmpeg(t, path, srt.publish_url(s))
    s.wait_live("a", 10)
    for link in (s.url("live/a"), s.flv("live/a")):
        probe = t.probe(link)
        wait_for(lambda p=probe: any(m.type == 9 for m in p.messages), 10, "a picture by " + link)
        video = next(m for m in probe.messages if m.type == 9)
        assert bytes(video.payload[1:5]) == b"hvc1" or video.payload[0] & 15 == 12, video.payload[:8]
    for link in (srt.play_url(s), edge.web("/live/a.ts"), s.web("/live/a.m3u8")):
        assert set(srt.probe(link, 2)) == {"hevc", "aac"}, link


def test_a_stream_is_fetched_by_srt(t):
    """An ingest with an SRT URL calls that server, publishes what comes, and calls again when it ends."""
    far = start(t, name="far")
    near = t.server("near", top.conf(f"""
        ingest other {{ enabled on; input {{ type stream; url "{srt.url(far, 'live/x', latency=100)}"; }}
            engine {{ enabled off; output rtmp://127.0.0.1:[port]/live/got; }} }}"""))
    t.publish(far.url("live/x"), t.media(30))
    near.wait_live("got", 15)
    seen = t.probe(near.url("live/got"))
    wait_for(lambda: sum(m.type == 9 for m in seen.messages) > 20, 10, "pictures")
    assert srt.session(far, "srt-play")["sent"]["latency_ms"] >= 100
    client = next(c for c in far.clients() if c["type"] == "srt-play")
    far.json(f"/api/v1/clients/{client['id']}", method="DELETE")
    near.wait_ended("got", 10)
    near.wait_live("got", 15)
