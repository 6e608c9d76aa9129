"""Programs that run beside the server (ingest, exec, transcode), and streams that it fetches by itself."""
import os
import signal
import stat

import topology as top
from support.rtmp import VIDEO
from support.server import wait_for

VHOST = "__defaultVhost__"


def children(server, kind=None):
    found = server.json("/api/v1/children")
    return [c for c in found["children"] if kind in (None, c["kind"])]


def child(server, state, kind=None, seconds=15):
    def one():
        return next((c for c in children(server, kind) if c["state"] == state), None)
    return wait_for(one, seconds, f"a program that is {state}")


def ingests(server):
    return server.json("/api/v1/children")["ingests"]


def script(t, name, text):
    """A program of the case."""
    path = t.path(name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def reload(server, conf):
    server.write_conf(conf)
    server.signal(signal.SIGHUP)


def gone(pid):
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 10, f"the end of process {pid}")


def engine(output="rtmp://127.0.0.1:[port]/live/in?vhost=[vhost]", more="enabled off;"):
    return f"engine {{ {more} output {output}; }}"


def test_ingest_of_a_file(t):
    """A file is published by ffmpeg and begins again at its end; it ends with a reload, and with the server."""
    t.need("ffmpeg")
    conf = f"ingest a {{ enabled %s; input {{ type file; url {t.media(2)}; }} ffmpeg ffmpeg; {engine()} }}"
    s = t.server("s", top.conf(conf % "on"))
    s.wait_live("in", 10)
    facts = child(s, "running")
    assert facts["kind"] == "ingest" and facts["name"] == f"{VHOST}/a", facts
    words = facts["command"].split()
    assert words[:4] == ["ffmpeg", "-loglevel", "info", "-re"] and "-y" in words, words
    probe = t.probe(s.url("live/in"))
    probe.wait_frames(10)
    wait_for(lambda: children(s)[0]["starts"] >= 2, 15, "a second round of the file")
    s.wait_live("in", 10)
    first = child(s, "running")["pid"]
    reload(s, top.conf(conf % "off"))
    gone(first)
    wait_for(lambda: not children(s), what="no program any more")
    reload(s, top.conf(conf % "on"))
    last = child(s, "running")["pid"]
    s.stop()
    assert not os.path.exists(f"/proc/{last}"), "it has outlived the server"


def test_ingest_that_encodes(t):
    """An engine encodes what is fetched, with the words that SRS gives ffmpeg."""
    t.need("ffmpeg")
    more = ("enabled on; perfile { thread_queue_size 64; } vcodec libx264; vbitrate 200; vfps 15; vwidth 161; vheight 90;"
            " vthreads 1; vprofile baseline; vpreset ultrafast; vparams { g 15; } acodec aac; abitrate 32;"
            " asample_rate 44100; achannels 1;")
    s = t.server("s", top.conf(f"ingest a {{ enabled on; input {{ url {t.media(20)}; }} {engine(more=more)} }}"))
    s.wait_live("in", 15)
    command = child(s, "running")["command"]
    wanted = ("-vcodec libx264 -b:v 200000 -r 15 -s 160x90 -aspect 160:90 -threads 1 -profile:v baseline "
              "-preset ultrafast -g 15 -acodec aac -b:a 32000 -ar 44100 -ac 1 -f flv -y rtmp://")
    assert wanted in command, command
    video = wait_for(lambda: (s.stream("in") or {}).get("video"), 10, "pictures")
    assert (video["width"], video["height"]) == (160, 90), video


def test_native_ingest(t):
    """Streams over RTMP and HTTP-FLV are fetched without a program; one that is lost comes back, and a player here
    stays."""
    a = t.server("a", top.local())
    t.publish(a.url("live/x?k=v"), mark=True)
    a.wait_live("x")
    conf = "".join(f"ingest {n} {{ enabled on; input {{ type stream; url {url}; }} "
                   f"{engine(f'rtmp://127.0.0.1:[port]/live/{n}?vhost=[vhost]')} }}"
                   for n, url in (("r", a.url("live/x?t=1")), ("h", a.flv("live/x"))))
    s = t.server("s", top.conf(conf, top=""))
    for name in "rh":
        s.wait_live(name, 10)
    assert not children(s)
    found = {i["name"]: i for i in ingests(s)}
    assert found[f"{VHOST}/r"]["stream"] == "/live/r" and found[f"{VHOST}/r"]["state"] == "live", found
    assert found[f"{VHOST}/r"]["url"].endswith("/live/x?..."), found
    assert {c["type"] for c in s.clients()} == {"ingest"}, s.clients()
    probe = t.probe(s.url("live/r"))
    probe.wait_frames(10)
    a.kill9()
    wait_for(lambda: all(i["state"] == "waiting" and i["failures"] and i["reason"] for i in ingests(s)), 10, "a loss")
    a.start()
    t.publish(a.url("live/x"), mark=True)
    s.wait_live("r", 15)
    before = len(probe.messages)
    probe.wait(lambda p: len([m for m in p.messages[before:] if m.type == VIDEO]) > 10, 10)
    assert not probe.ended, probe.ended
    reload(s, top.conf(""))
    s.wait_ended("r")
    assert not ingests(s)


def test_native_ingest_follows_redirects(t):
    """A stream that is fetched from an origin that lacks it comes from the coworker that has it, without a failure."""
    a, b = top.start_origins(t)
    t.publish(b.url("live/x"))
    b.wait_live("x")
    conf = f"ingest r {{ enabled on; input {{ type stream; url {a.url('live/x')}; }} {engine()} }}"
    s = t.server("s", top.conf(conf, top=""))
    s.wait_live("in", 10)
    (facts,) = ingests(s)
    assert facts["state"] == "live" and facts["failures"] == 0 and not facts["reason"], facts
    assert "nothing comes from" not in s.log()


def test_exec_of_a_published_stream(t):
    """A program runs while a stream is published, with what the publisher says in its words, and nothing of ours: no
    shell, no descriptor, no secret of the environment, a process group of its own."""
    told = t.path("told")
    program = script(t, "program.sh", f"""
{{ for a in "$@"; do echo "[$a]"; done; ls -l /proc/$$/fd; env; cut -d' ' -f5 /proc/$$/stat; echo pid $$; }} > {told}.tmp
mv {told}.tmp {told}
echo said out; echo said err >&2
sleep 100 & sleep 100
""")
    s = t.server("s", top.conf(f"exec {{ enabled on; publish {program} '[app]/[stream] x' $$HOME [url] [pageUrl]; }}"),
                 env={"SRS_SERVER_ID": "secret-of-the-environment"})
    publisher = t.publish(s.url("live/x?k=`id`"), connect={"pageUrl": "http://page/;id"})
    wait_for(lambda: os.path.exists(told), 10, "the program")
    with open(told) as f:
        text = f.read()
    lines = text.splitlines()
    assert lines[:2] == ["[live/x x]", "[$HOME]"], lines[:4]
    assert lines[2] == f"[rtmp://127.0.0.1:{s.rtmp}/live/x]" and lines[3] == "[http://page/;id]", lines[:4]
    assert "secret-of-the-environment" not in text
    assert not [w for w in ("socket:", "eventpoll", "eventfd", "s.log") if w in text], text
    group, pid = lines[-2], int(lines[-1].split()[1])
    assert int(group) == pid, "it has a group of its own"
    facts = wait_for(lambda: [c for c in children(s, "exec")[:1] if len(c["output"]) >= 2], 5, "its words")[0]
    assert facts["output"][:2] == ["said out", "said err"] and facts["pid"] == pid, facts
    wait_for(lambda: len(members(pid)) >= 2, 5, "the processes that it starts")
    publisher.stop()
    wait_for(lambda: not members(pid), 20, "the end of its whole group")


def members(group):
    """The processes of a group."""
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and group_of(p) == group]


def group_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rpartition(")")[2].split()[2])
    except (OSError, ValueError, IndexError):
        return None


def grace(conf):
    return f"publish {{ reconnect_grace 0; }} {conf}"


def test_exec_with_redirection_and_stubborn_programs(t):
    """Output goes to files where it is redirected; a program that ignores TERM is killed; one that does not exist, or
    fails, is started again at growing distances, and the log and the API say why."""
    out = t.path("out")
    stubborn = script(t, "stubborn.sh", "trap '' TERM\necho ready\nwhile :; do sleep 1; done\n")
    failing = script(t, "failing.sh", "echo no such luck\nexit 7\n")
    s = t.server("s", top.conf(grace(f"exec {{ enabled on; publish {stubborn} 1>{out}; publish {failing}; "
                                     f"publish /does/not/exist; }}")))
    publisher = t.publish(s.url("live/x"))
    running = child(s, "running")
    wait_for(lambda: os.path.exists(out) and "ready" in open(out).read(), 10, "the file of the output")
    s.wait_log("exec /live/x 2: it ended after .* status 7; it last said: no such luck", 10)
    s.wait_log("exec /live/x 3: .*there is no program /does/not/exist", 10)
    fails = wait_for(lambda: next((c for c in children(s) if c["last_end"] == "status 7" and c["starts"] >= 2), None), 10,
                     "a second start")
    assert fails["failures"] >= 1 and fails["output"][-1] == "no such luck", fails
    publisher.stop()
    gone(running["pid"])
    wait_for(lambda: not children(s), what="no program any more")
    zombies = [p for p in os.listdir("/proc") if p.isdigit() and parent_of(p) == s.pid]
    assert not zombies, zombies


def test_exec_writes_no_file_that_a_publisher_names(t):
    """What a publisher says is a word of the program, also when it looks like a redirection, and no part of the path of a
    redirection that the configuration has."""
    told, named = t.path("told"), t.path("named")
    program = script(t, "program.sh", f'echo "$@" > {told}.tmp\nmv {told}.tmp {told}\necho out\necho err >&2\nsleep 100\n')
    s = t.server("s", top.conf(f"exec {{ enabled on; publish {program} [pageUrl] x 2>{t.path('err')}.[stream][swfUrl]; }}"))
    t.publish(s.url("live/x"), connect={"pageUrl": ">" + named, "swfUrl": "/../../named"})
    wait_for(lambda: os.path.exists(told), 10, "the program")
    with open(told) as f:
        assert f.read() == f">{named} x\n"
    wait_for(lambda: children(s, "exec")[0]["output"] == ["out"], 5, "its words")
    assert not os.path.exists(named) and os.path.exists(t.path("err") + ".x[swfUrl]")


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def test_exec_refuses_names_that_lead_elsewhere(t):
    """A stream whose name could be a path to elsewhere, or an option, starts no program."""
    s = t.server("s", top.conf("exec { enabled on; publish /bin/sleep 100; }"))
    for name in ("..%2f..%2fetc", "-x", ".hidden"):
        t.publish(s.url(f"live/{name}"))
    t.publish(s.url("live/good"))
    child(s, "running")
    assert len(children(s)) == 1, children(s)


def test_programs_die_with_the_server(t):
    """Nothing is left of a server that is killed."""
    s = t.server("s", top.conf("exec { enabled on; publish /bin/sleep 100; }"))
    t.publish(s.url("live/x"))
    pid = child(s, "running")["pid"]
    s.kill9()
    gone(pid)


def test_transcode(t):
    """A stream is encoded anew by ffmpeg under another name, once: what comes of it is not transcoded again. A reload
    changes the engine."""
    t.need("ffmpeg")
    def conf(height):
        return grace(f"transcode live {{ enabled on; ffmpeg ffmpeg; engine hd {{ enabled on; vcodec libx264; vbitrate 200; "
                     f"vwidth 160; vheight {height}; vprofile baseline; vpreset ultrafast; vparams {{ g 15; }} acodec copy; "
                     f"output rtmp://127.0.0.1:[port]/[app]?vhost=[vhost]/[stream]_[engine]; }} }}")
    s = t.server("s", top.conf(conf(90)))
    publisher = t.publish(s.url("live/x"))
    s.wait_live("x_hd", 20)
    video = wait_for(lambda: (s.stream("x_hd") or {}).get("video"), 10, "pictures")
    assert video["height"] == 90, video
    found = children(s, "transcode")
    assert len(found) == 1 and found[0]["name"] == "/live/x hd", found
    words = found[0]["command"].split()
    assert words[1:5] == ["-f", "flv", "-i", f"rtmp://127.0.0.1:{s.rtmp}/live?..."], words
    reload(s, top.conf(conf(64)))
    wait_for(lambda: ((s.stream("x_hd") or {}).get("video") or {}).get("height") == 64, 20, "the other size")
    assert len(children(s, "transcode")) == 1
    publisher.stop()
    wait_for(lambda: not children(s), 10, "no program any more")
