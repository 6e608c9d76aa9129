"""One line for each session that has ended, the forms of the log, and the id that follows a play."""
import json
import os
import re
import signal
import subprocess
import sys

import topology as top
from support import httpc
from support.server import wait_for

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
