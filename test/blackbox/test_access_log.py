"""One line for each session that has ended, the forms of the log, and the id that follows a play."""
import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse

import topology as top
from support import gb, hls, httpc, rtc, srt, websocket
from support.hookserver import HookServer
from support.server import wait_for
from test_hls_sessions import session_of
from test_rtc_media import media_file, wait_heard

CLUSTER = os.path.join(top.HERE, "..", "..", "scripts", "cluster")
JSON_LOG = "access_log { enabled on; file ./access.log; format json; }\n"


def lines(server):
    with open(os.path.join(server.folder, "access.log"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def wait_line(server, **wanted):
    def found():
        return next((x for x in lines(server) if all(x.get(k) == v for k, v in wanted.items())), None)
    return wait_for(found, 5, f"a line with {wanted}")


def test_each_session_leaves_a_line(t):
    """Publishers, players of RTMP and HTTP-FLV, the kicked and the refused: who, what, how long, how much, why."""
    s = t.server("srs", top.local(top=JSON_LOG, publish="reconnect_grace 0;"))
    publisher = t.publish(s.url('live/a"b?secret=x'))
    rtmp, flv = (t.probe(u).wait_frames(10) for u in (s.url('live/a"b'), s.flv("live/a%22b")))
    kicked = t.probe(s.url('live/a"b')).wait_frames(3)
    who = next(c for c in s.clients() if c["type"] == "rtmp-play" and not c["publish"])
    rtmp.stop()
    line = wait_line(s, role="play", type="rtmp-play", end="closed")
    assert line["url"] == '/live/a"b' and line["ip"] == "127.0.0.1" and line["send"] > 10000, line
    assert 0 <= line["first_ms"] <= line["ms"] and line["skips"] == 0 and line["trace"] == line["id"], line
    assert line["id"] == who["id"] and line["why"], line
    flv.stop()
    wait_line(s, role="play", type="flv-play", end="closed")
    left = next(c for c in s.clients() if not c["publish"])
    s.json("/api/v1/clients/" + left["id"], "DELETE")
    kicked.wait_ended()
    wait_line(s, id=left["id"], end="kicked")
    publisher.stop()
    line = wait_line(s, role="publish", end="done")
    assert line["recv"] > 1000 and "first_ms" not in line, line
    assert httpc.fetch(s.flv("no.such.app")).status == 404
    with open(os.path.join(s.folder, "access.log"), encoding="utf-8") as f:
        assert "secret" not in f.read()


def test_refused_and_redirected_sessions_have_lines(t):
    """A player that is sent elsewhere and one whose stream nobody has: both at the origin, in text."""
    a, b = top.start_origins(t, top="access_log { enabled on; file ./access.log; }\n")
    t.publish(b.url("live/x"))
    b.wait_live("x")
    assert httpc.fetch(a.flv("live/x")).status == 302
    assert httpc.fetch(a.flv("live/none")).status == 404

    def text():
        with open(os.path.join(a.folder, "access.log"), encoding="utf-8") as f:
            return f.read()
    wait_for(lambda: "end=redirect" in text() and "end=not-found" in text(), 5, "both lines")
    assert re.search(r'^ts=\S+Z id=\w{8} trace=\w{8} role=play type=flv-play ip=127.0.0.1 url="/live/x.flv" ms=\d+ '
                     r'recv=0 send=0 end=redirect why="the stream /live/x is at [^"]+"$', text(), re.M), text()


def assert_played(line, least):
    """It has seen something: so much was sent, and the first of it before its end."""
    assert line["role"] == "play" and line["send"] >= least and 0 <= line["first_ms"] <= line["ms"], line


def test_sessions_of_hls_leave_lines(t):
    """Sessions that lapse, that the API ends, and that a web service refuses; and a player that is sent to a coworker."""
    hooks = t.keep(HookServer(say=lambda said: (200, '{"code":1,"reason":"no"}' if said["param"] == "?no=1" else "0")))
    vhost = f"hls {{ enabled on; hls_fragment 1; hls_window 1; }} http_hooks {{ enabled on; on_play {hooks.url('/play')}; }}"
    s = t.server("srs", top.conf(vhost, top=JSON_LOG))
    t.publish(s.url("live/a"), t.media(10, gop=1.0), speed=4, burst=1000)
    child = hls.wait_master(s.web("/live/a.m3u8"))
    whole = hls.fetch(urllib.parse.urljoin(child, hls.wait_list(child).segments[-1].uri))
    other = session_of(hls.master(s.web("/live/a.m3u8")))
    s.json("/api/v1/clients/" + other, "DELETE")
    assert httpc.fetch(s.web("/live/a.m3u8?no=1")).status == 403
    kicked, refused = wait_line(s, id=other, end="kicked"), wait_line(s, type="hls-play", end="denied")
    assert "first_ms" not in kicked and kicked["ip"] == "127.0.0.1" and kicked["url"] == "/live/a", kicked
    assert refused["role"] == "play" and refused["url"] == "/live/a.m3u8" and "no" in refused["why"], refused
    line = wait_line(s, id=session_of(child))
    assert_played(line, len(whole))
    assert line["type"] == "hls-play" and line["end"] == "closed" and "nothing was asked" in line["why"], line
    assert "skips" not in line and line["trace"] == line["id"], line
    a = top.start_clustered(t, s, name="a", more="} hls { enabled on; ", top=JSON_LOG)
    assert httpc.fetch(a.web("/live/a.m3u8")).status == 302
    line = wait_line(a, type="hls-play", end="redirect")
    assert s.http_address in line["why"] and line["send"] == 0, line


def test_sessions_of_endless_answers_leave_lines(t):
    """MPEG-TS without an end over HTTP and over WebSocket."""
    s = t.server("srs", top.local(top=JSON_LOG).replace("[stream].flv", "[stream].ts"))
    t.publish(s.url("live/a"), t.media(10))

    def played(leave):
        who = wait_for(lambda: next((c for c in s.clients() if not c["publish"]), None), 5, "the player")
        leave()
        line = wait_line(s, id=who["id"])
        assert_played(line, 20000)
        assert line["type"] == who["type"] == "flv-play" and line["skips"] == 0 and line["end"] in ("closed", "done"), line
    plain = httpc.Response(s.web("/live/a.ts"))
    got = 0
    while got < 20000:
        got += len(plain.read())
    played(plain.close)
    framed = t.keep(websocket.Client(s.web("/live/a.ts")))
    framed.binary(20000)
    played(lambda: framed.say(8, b"\x03\xe8"))


def test_sessions_of_srt_and_cameras_leave_lines(t):
    """A publisher and a player of SRT, a camera, and a WebRTC player and publisher whose peers never came."""
    srt.need(t)
    vhost = rtc.VHOST % "" + srt.VHOST % "" + "publish { reconnect_grace 0; }"
    s = t.server("srs", top.conf(vhost, top=JSON_LOG + rtc.SERVER % "" + srt.SERVER % "" + gb.CONF % ("", "")))
    camera = gb.Camera(t, s)
    publisher = srt.ffmpeg(t, srt.media_file(t), srt.publish_url(s))
    s.wait_live("a", 10)
    srt.probe(srt.play_url(s), 1)
    line = wait_line(s, type="srt-play")
    assert_played(line, 10000)
    assert line["end"] == "closed" and line["skips"] == 0 and line["url"] == "/live/a", line
    for ask, stream in ((rtc.whep, "a"), (rtc.whip, "w")):
        answer = ask(s, stream)
        assert answer.status == 201, answer.content
        assert httpc.fetch(s.api_url(answer.headers["location"]), "DELETE").status == 200
    for role, url in (("play", "/live/a"), ("publish", "/live/w")):
        line = wait_line(s, type="rtc-" + role, end="closed")
        assert line["role"] == role and "first_ms" not in line and "over HTTP" in line["why"], line
    publisher.interrupt()
    line = wait_line(s, type="srt-publish")
    assert line["end"] == "closed" and line["recv"] > 10000 and line["role"] == "publish" and "first_ms" not in line, line
    s.wait_live(camera.id, 10)
    camera.stop_media()
    line = wait_line(s, type="gb28181-publish")
    assert line["recv"] > 1000 and line["url"] == "/live/" + camera.id and line["ip"] == "127.0.0.1" and line["why"], line


def test_sessions_of_webrtc_leave_lines(t):
    """A WebRTC publisher and player that were connected: first media, bytes, and that they have said good-bye."""
    s = t.server("srs", top.conf(rtc.VHOST % "", top=JSON_LOG + rtc.SERVER % ""))
    peers = rtc.aiortc(t, *((role, s.api_url(f"/rtc/v1/{kind}/?app=live&stream=a"), *more) for role, kind, more in (
        ("publish", "whip", (media_file(t),)), ("play", "whep", ()))))
    wait_heard(peers, {"video": 25}, i=1)
    peers.popen.terminate()
    line = wait_line(s, type="rtc-play")
    assert_played(line, 10000)
    assert line["end"] == "closed" and line["skips"] == 0 and line["ip"] == "127.0.0.1", line
    line = wait_line(s, type="rtc-publish")
    assert line["role"] == "publish" and line["recv"] > 10000 and "first_ms" not in line, line


def test_the_log_as_json_and_for_the_journal(t):
    """srs_log_format json: every line is an object, whatever the names; journal: priorities in front."""
    s = t.server("srs", top.local(top="srs_log_format json;\n"))
    t.publish(s.url('live/a"\\\u20ac%01')).wait_sent(5)
    s.wait_log("publishing")
    with open(os.path.join(s.folder, "srs.log"), encoding="utf-8") as f:
        found = [json.loads(line) for line in f]
    assert all(set(x) == {"ts", "level", "pid", "cid", "msg"} for x in found), found
    assert any('publishing /live/a"' in x["msg"] and x["level"] == "info" for x in found), found
    j = t.server("j", top.local(top="srs_log_format journal;\n"))
    j.wait_log(r"(?m)^<6>\[\w+\] listening: RTMP")


def test_levels_reach_the_journal(t):
    """On standard output, as journald reads it, each line has its priority in front: errors 3, warnings 4, the rest 6; no time and no
    process, no colours, and what a client says begins no line."""
    s = t.server("j", top.local(top="srs_log_format journal;\n").replace("srs_log_tank file;", "srs_log_tank console;")
                 .replace("srs_log_file ./$name.log;", ""))
    t.publish(s.url("live/a%0A<0>b\n<0>c"))
    good = s.conf
    with open(s.conf_path, "a", encoding="utf-8") as f:
        f.write("nonsense on;\n")
    s.signal(signal.SIGHUP)
    wait_for(lambda: "the one in use stays" in s.output(), 5, "the refused reload")
    with open(s.conf_path, "w", encoding="utf-8") as f:
        f.write(good)
    s.json("/api/v1/drain", "POST")
    s.signal(signal.SIGUSR2)
    wait_for(lambda: "an upgrade is under way" in s.output(), 5, "the refused upgrade")
    lines = [line for line in s.output().splitlines() if not line.startswith("srs: ")]      # to whoever starts it
    assert all(re.match(r"<[3467]>\[[\w-]*\] \S", line) for line in lines), lines
    assert any(line.startswith("<3>") and "the one in use stays" in line for line in lines), lines
    assert any(line.startswith("<4>") and "an upgrade is under way" in line for line in lines), lines
    assert any(line.startswith("<6>") and "listening: RTMP" in line for line in lines) and "\x1b" not in s.output(), lines


def test_a_play_is_followed_from_edge_to_origin(t):
    """The id of the player at the last edge stands in the logs, access lines and API of every server on the way, and
    scripts/cluster trace draws the way, over RTMP and HTTP-FLV."""
    origin = t.server("origin", top.local(top=JSON_LOG))
    mid = top.start_edge(t, origin, name="mid", top=JSON_LOG)
    leaf = top.start_edge(t, mid, name="leaf", top=JSON_LOG)
    flv = top.start_flv_edge(t, mid, name="flv")
    t.publish(origin.url("live/x"))
    for edge in (leaf, flv):
        probe = t.probe(edge.url("live/x")).wait_frames(5)
        player = next(c for c in edge.clients())
        assert player["trace"]["id"] == player["id"] and player["trace"]["relay"] == "", player
        assert player["trace"]["first_frame_ms"] >= 0
        relay = edge.stream("x")["relay"]["id"]
        at_mid = next(c for c in mid.clients() if c["trace"]["relay"] == relay)
        assert at_mid["trace"]["id"] == player["id"], at_mid
        done = subprocess.run([sys.executable, CLUSTER, "trace", player["id"], edge.api_address], capture_output=True,
                              text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        if edge is leaf:
            first = player["id"]
            assert [x.split(":")[1][:5] for x in done.stdout.splitlines() if x.lstrip().startswith("127")] == [
                str(s.api) for s in (leaf, mid, origin)], done.stdout
            assert "fmle-publish" in done.stdout, done.stdout
            assert origin.clients()[-1]["trace"]["id"] == first
            for s in (origin, mid):
                s.wait_log(f"for {first}, and has come by")
        probe.stop()
    assert subprocess.run([sys.executable, CLUSTER, "trace", "nobody", leaf.api_address], capture_output=True, timeout=20,
                          check=False).returncode == 1


def test_rotation_opens_both_files_again(t):
    """USR1 after a rename: lines that follow are in new files, the log's and the access log's."""
    s = t.server("srs", top.local(top=JSON_LOG, publish="reconnect_grace 0;"))
    for name in ("srs.log", "access.log"):
        os.rename(os.path.join(s.folder, name), os.path.join(s.folder, name + ".1"))
    s.signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(os.path.join(s.folder, "access.log")), 5, "the new file")
    t.publish(s.url("live/x")).stop()
    wait_line(s, role="publish")
