"""The process: options, configurations that cannot be, ports, signals, logs."""
import os
import re
import resource
import signal
import socket
import subprocess
import time

import topology as top
from support import SCALE, httpc, rtmp
from support.case import Skip
from support.rtmp import Closed, Refused
from support.server import BIN, free_port, listening, wait_for


def test_bad_configurations_start_nothing(t):
    """Each bad configuration is refused with file, line, directive and the nearest name; no port is opened."""
    port, api = top.spare()
    good = f"listen {port};\nhttp_api {{\n enabled on;\n listen {api};\n}}\n"
    bad = {
        "vhost __defaultVhost__ {\n clutser {\n mode local;\n }\n}\n": ("7", "clutser", "cluster"),
        "max_conections 10;\n": ("6", "max_conections", "max_connections"),
        "max_connections many;\n": ("6", "max_connections"),
        "vhost __defaultVhost__ {\n cluster {\n mode sideways;\n }\n}\n": ("8", "mode"),
        "vhost __defaultVhost__ {\n": ("x.conf",),
        "daemon\non;\n": ("6",),
        "}\n": ("6",),
        "vhost __defaultVhost__ {\n dash {\n enabled on;\n }\n}\n": ("dash",),
        "include nowhere.conf;\n": ("6", "nowhere.conf"),
    }
    for n, (text, words) in enumerate(bad.items()):
        done = t.run("-c", "x.conf", conf=good + text, name=f"bad{n}")
        assert done.returncode not in (0, None) and done.returncode > 0, (text, done.returncode, done.text)
        for word in ("x.conf", *words):
            assert word in done.text, (text, word, done.text)
        assert not listening(int(port)) and not listening(int(api))


def test_several_errors_in_one_go(t):
    """All errors of a file are reported at once."""
    done = t.run("-t", "-c", "x.conf", conf="listen 1935;\nmax_conections 1;\ndaemn off;\nvhost a { plya { } }\n")
    assert done.returncode != 0
    for word in ("max_conections", "daemn", "plya"):
        assert word in done.text, done.text


def test_check_only(t):
    """-t checks a file and starts nothing: 0 for a good one, else not."""
    port = free_port()
    done = t.run("-t", "-c", "x.conf", conf=f"listen {port};\nvhost __defaultVhost__ {{ }}\n")
    assert done.returncode == 0 and not listening(port), done.text
    assert t.run("-t", "-c", "nowhere.conf").returncode != 0
    assert t.run("-t", "-c", "x.conf", conf="vhost __defaultVhost__ { }\n").returncode != 0, "listen is missing"


def test_help_and_version(t):
    """-h explains the options, -v prints the version."""
    done = t.run("-h")
    assert done.returncode == 0 and all(o in done.text for o in ("-c", "-t", "-v", "-e")), done.text
    done = t.run("-v")
    assert done.returncode == 0 and re.match(r"\d+\.\d+\.\d+ \(\S+, \d{4}-\d\d-\d\d\), compatible with SRS \d", done.text)
    assert t.run("--nonsense").returncode != 0


def test_environment_only(t):
    """-e takes everything from the environment, the cluster of the vhost included."""
    origin = t.srs(mw_latency=0.01)
    t.publish(origin.url("live/x"))
    port = free_port()
    s = t.server("env", "# port $rtmp", args=["-e"], values={"rtmp": port},
                 env={"SRS_LISTEN": str(port), "SRS_VHOST_CLUSTER_MODE": "remote", "SRS_DAEMON": "off",
                      "SRS_VHOST_CLUSTER_ORIGIN": origin.address})
    t.probe(s.url("live/x")).wait_frames(10)


def test_any_folder_will_do(t):
    """With -e, or in the foreground with the shortest file, a server starts in an empty folder that it cannot write."""
    folder = t.path("empty")
    os.makedirs(folder)
    os.chmod(folder, 0o555)
    conf, port = t.path("x.conf"), free_port()
    with open(conf, "w") as f:
        f.write(f"listen {port};\ndaemon off;\nvhost __defaultVhost__ {{ }}\n")
    for args, env in ((["-e"], {"SRS_LISTEN": str(port)}), (["-c", conf], {})):
        with open(t.path("out"), "wb") as out:
            popen = subprocess.Popen([BIN, *args], cwd=folder, stdout=out, stderr=out, env={**os.environ, **env})
        try:
            wait_for(lambda: listening(port), 10, "the start")
            assert os.listdir(folder) == []

            def said():
                with open(t.path("out")) as f:
                    return [line for line in f if not line.startswith("srs: warning: the server runs as root")]
            lines = wait_for(said, 5, "its words")
            assert re.search(r"version \d+\.\d+\.\d+ \(\S+, \d{4}-\d\d-\d\d\), SRS/", lines[0]), lines
        finally:
            popen.terminate()
            assert popen.wait(10) == 0
    os.chmod(folder, 0o755)


def test_what_cannot_be_written_is_named(t):
    """A pid or log file that cannot be written is an error that names the directive and its variable."""
    for line, words in (("pid /nowhere/x.pid;", "`pid`, SRS_PID"),
                        ("srs_log_file /nowhere/x.log;", "`srs_log_file` (SRS_SRS_LOG_FILE)"),
                        ("work_dir /nowhere;", "`work_dir`, SRS_WORK_DIR")):
        done = t.run("-c", "x.conf", conf=f"listen {free_port()};\ndaemon off;\n{line}\nvhost __defaultVhost__ {{ }}\n")
        assert done.returncode == 1 and words in done.text, done.text


def test_the_name_outlives_a_restart(t):
    """Without server_id the server makes itself a name and keeps it beside the pid file."""
    s = t.server("srs", top.local())
    name = s.json("/api/v1/versions")["server"]
    s.stop()
    s.start()
    assert s.json("/api/v1/versions")["server"] == name and os.path.exists(os.path.join(s.folder, "srs.id"))


def test_reload_tells_how_it_ended(t):
    """reload-fetch has the error of a failed reload with file and line, and success after the next one."""
    s = t.server("srs", top.local().replace("http_api { enabled on;", "http_api { enabled on; raw_api { enabled on; allow_reload on; }"))
    good = s.conf

    def outcome(text):
        s.write_conf(text)
        assert s.json("/api/v1/raw?rpc=reload")["code"] == 0
        return wait_for(lambda: (d := s.json("/api/v1/raw?rpc=reload-fetch")["data"])["state"] in (90, 30)
                        or d["err"] and d, 5, "the reload") and s.json("/api/v1/raw?rpc=reload-fetch")["data"]
    bad = outcome(good + "nonsense on;\n")
    line = len(good.splitlines()) + 1
    assert bad["err"] == 1023 and f"srs.conf:{line}: unknown directive 'nonsense'" in bad["msg"], bad
    fine = outcome(good)
    assert (fine["err"], fine["state"], fine["msg"]) == (0, 90, "Success"), fine


def test_rolling_restart_of_an_edge(t):
    """As deploy.md has it: a second process on the same ports, QUIT to the first, whose API stays to the end."""
    origin = t.server("origin", top.local())
    t.publish(origin.url("live/s"))
    old = t.server("edge", top.edge(f"127.0.0.1:{origin.rtmp}").replace(
        "daemon off;", "daemon off; grace_start_wait 10; grace_final_wait 10;"))
    probe = t.probe(old.url("live/s")).wait_frames(5)
    api = free_port()
    new = t.server("edge2", old.conf, env={"SRS_PID": "./new.pid", "SRS_HTTP_API_LISTEN": f"127.0.0.1:{api}",
                                           "SRS_SRS_LOG_FILE": "./new.log"})
    new.api = api
    wait_for(lambda: listening(api), 5, "the API of the new one")
    old.signal(signal.SIGQUIT)
    old.wait_log("no longer listening: RTMP")
    after = t.probe(old.url("live/s")).wait_frames(5)
    assert len(new.clients()) == 1
    summaries = old.json("/api/v1/summaries")["data"]["system"]
    assert summaries["conn_srs"] >= 1 and not probe.ended
    probe.wait_frames(10, after=time.monotonic())
    probe.stop()
    assert old.wait(10) == 0
    old.stopped = True
    after.wait_frames(5, after=time.monotonic())


def test_environment_beats_the_file(t):
    """A variable SRS_… overrides the directive of the file."""
    port = free_port()
    s = t.server("srs", top.local().replace("$rtmp", "1"), values={"rtmp": port}, wait=False,
                 env={"SRS_LISTEN": f"127.0.0.1:{port}"})
    wait_for(lambda: listening(port), 5, "the port of the environment")
    assert s.alive


def test_include(t):
    """include takes in another file at any level."""
    with open(t.path("part.conf"), "w") as f:
        f.write("gop_cache off;\n")
    s = t.server("srs", top.local(play=f"include {t.path('part.conf')};"))
    t.publish(s.url("live/x"))
    t.probe(s.url("live/x")).wait_frames(5)


def test_ipv6(t):
    """RTMP, HTTP and API listen on IPv6 addresses, and an edge pulls from one."""
    try:
        rtmp.socket.create_server(("::1", 0), family=rtmp.socket.AF_INET6).close()
    except OSError:
        raise Skip("this machine has no IPv6") from None
    text = top.local().replace("127.0.0.1", "[::1]")
    s = t.server("srs", text)
    edge = top.start_edge(t, f"[::1]:{s.rtmp}")
    t.publish(s.url("live/x", "[::1]"))
    t.probe(s.url("live/x", "[::1]")).wait_frames(10)
    t.probe(s.flv("live/x", "[::1]")).wait_frames(10)
    assert httpc.fetch_json(f"http://[::1]:{s.api}/api/v1/versions")["code"] == 0
    t.probe(edge.url("live/x")).wait_frames(10)


def test_log_lines(t):
    """Log lines have time, level, pid and the id of the connection, by which one can grep."""
    s = t.server("srs", top.local())
    t.publish(s.url("live/x"))
    ids = wait_for(lambda: [c["id"] for c in s.clients()], 3, "the encoder's id")
    line = s.wait_log(rf"(?m)^.*\[{s.pid}\]\[{ids[0]}\].*$").group(0)
    assert line[:2] == "[2" and line.count("[") >= 4, line


def test_max_connections(t):
    """Beyond max_connections newcomers are turned away, those inside go on, and a place that is left is free again."""
    s = t.server("srs", top.local().replace("max_connections 1000;", "max_connections 20;"))
    t.publish(s.url("live/x"))
    probe = t.probe(s.url("live/x")).wait_frames(5)
    inside, refused = [], 0
    for _ in range(40):
        try:
            c = t.client(s.url("live/x"), timeout=3)
            inside.append(c)
            c.connect()
            c.play()
            c.wait(lambda m: m.media)
        except (Closed, Refused):
            refused += 1
            inside.pop().close() if inside else None
    assert 5 <= len(inside) <= 20 and refused >= 20, (len(inside), refused)
    probe.wait_frames(20, after=time.monotonic())
    s.json("/api/v1/versions")
    for c in inside:
        c.close()
    wait_for(lambda: len(s.clients()) <= 2, 5, "the places that were left")
    t.probe(s.url("live/x")).wait_frames(5)


def test_max_connections_beyond_the_limit_of_files(t):
    """max_connections beyond what the process may open is a clear error at start."""
    text = f"listen {free_port()};\nmax_connections 2000000000;\nvhost __defaultVhost__ {{ }}\n"
    done = t.run("-c", "x.conf", conf=text)
    assert done.returncode not in (0, None) and "max_connections" in done.text, done.text


def test_same_pid_file_is_refused(t):
    """A second start with the same pid file says so in one line and ends with an error; the first goes on."""
    s = t.server("srs", top.local())
    pid = os.path.join(s.folder, "srs.pid")
    with open(pid) as f:
        assert int(f.read()) == s.pid
    done = t.run("-c", "x.conf", conf=f"listen {free_port()};\ndaemon off;\npid {pid};\nsrs_log_tank console;\n"
                                      "vhost __defaultVhost__ { }\n")
    assert done.returncode > 0 and "srs.pid" in done.text, (done.returncode, done.text)
    with open(pid) as f:
        assert int(f.read()) == s.pid
    assert s.alive


def test_taken_port_is_refused(t):
    """A port that is taken (RTMP, API or HTTP) is named in the error, and nothing of the server is left running."""
    taken = t.listen()
    for word in ("rtmp", "api", "http"):
        ports = {w: str(free_port()) for w in ("rtmp", "api", "http")}
        ports[word] = str(taken.port)
        text = top.string_of(top.local(), name="x", **ports)
        done = t.run("-c", "x.conf", conf=text.replace("srs_log_tank file", "srs_log_tank console"), name=word)
        assert done.returncode > 0 and ports[word] in done.text, (word, done.returncode, done.text)
        assert not any(listening(int(p)) for w, p in ports.items() if w != word)


def test_edges_share_a_port(t):
    """Several edges share one RTMP and one HTTP port, and all of them serve."""
    origin = t.srs(mw_latency=0.01)
    t.publish(origin.url("live/x"))
    first = top.start_edge(t, origin, name="one")
    second = top.start_edge(t, origin, name="two", values={"rtmp": first.rtmp, "http": first.http})
    probes = [t.probe(first.url("live/x")) for _ in range(24)]
    for p in probes:
        p.wait_frames(5, 10)
    counts = [len([c for c in s.clients() if c["type"] == "rtmp-play"]) for s in (first, second)]
    assert sum(counts) == 24 and min(counts) > 0, counts


def test_origins_do_not_share_a_port(t):
    """A second origin on a taken port is refused, although it could share it."""
    s = t.server("srs", top.local())
    text = top.string_of(top.local(), name="x", rtmp=str(s.rtmp), api=str(free_port()), http=str(free_port()))
    done = t.run("-c", "x.conf", conf=text.replace("srs_log_tank file", "srs_log_tank console"))
    assert done.returncode > 0 and str(s.rtmp) in done.text, (done.returncode, done.text)


def test_signals_end_it_with_0(t):
    """SIGTERM and SIGINT end it with status 0, with players and encoders connected; SIGPIPE does not."""
    for number in (signal.SIGTERM, signal.SIGINT):
        s = t.server(f"srs{number}", top.local())
        t.publish(s.url("live/x"))
        p = t.probe(s.flv("live/x")).wait_frames(5)
        s.signal(signal.SIGPIPE)
        p.wait_frames(5, after=time.monotonic())
        s.stop(number, seconds=5)
        p.wait_ended(3)


def test_daemon(t):
    """daemon on goes into the background: the starter returns 0 and the pid file names who serves."""
    ports = {w: str(free_port()) for w in ("rtmp", "api", "http")}
    text = top.string_of(top.local(), name="x", **ports).replace("daemon off", "daemon on")
    done = t.run("-c", "x.conf", conf=text)
    assert done.returncode == 0, done.text
    wait_for(lambda: listening(int(ports["rtmp"])), 5, "the daemon's port")
    with open(t.path("once", "x.pid")) as f:
        pid = int(f.read())
    assert os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(BIN)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split(")")[1][1] == "Z",
             8, "the daemon's end")


def test_silent_connections_cost_nothing(t):
    """Thousands of connections that have not spoken cost no CPU and a few KB each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = min(9000, hard - 500)
    if want < 1500:
        raise Skip(f"only {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (want + 400, hard))
    s = t.server("srs", top.local().replace("max_connections 1000;", f"max_connections {want + 100};"))
    base = s.rss_kb
    socks = [rtmp.dial("127.0.0.1", s.rtmp) for _ in range(want)]
    wait_for(lambda: s.descriptors >= want, 20, "all connections accepted")
    cpu, began = s.cpu_seconds, time.monotonic()
    wait_for(lambda: time.monotonic() - began > 2, 5, "two seconds of silence")
    used = (s.cpu_seconds - cpu) / (time.monotonic() - began)
    each = (s.rss_kb - base) / want
    assert used < 0.03 * SCALE, f"{used:.1%} of a core"
    if SCALE == 1:
        assert each < 6.5, f"{each:.1f} KB for each connection"
    for sock in socks:
        sock.close()


def test_stop_after_reload(t):
    """A server that has read its configuration again still hears the signals that follow."""
    s = t.server("srs", top.local())
    for n in (1, 2):
        s.signal(signal.SIGHUP)
        wait_for(lambda: s.log().count("the new configuration is in use") == n, 5, "the reload")
    s.signal(signal.SIGUSR1)
    s.stop()


def test_an_end_does_not_wait_behind_reloads(t):
    """Of very many reloads at once a few are made, and a signal to end is heard at once, whoever asks for reloads: signals
    of others, and requests to the API."""
    s = t.server("srs", top.local().replace("enabled on; listen 127.0.0.1:$api;",
                                            "enabled on; listen 127.0.0.1:$api; raw_api { enabled on; allow_reload on; }"))
    request = f"GET /api/v1/raw?rpc=reload HTTP/1.1\r\nHost: 127.0.0.1:{s.api}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", s.api), 5) as sock:
        sock.sendall(request * 2000)
        got = b""
        while got.count(b'"code":0') < 2000:
            got += sock.recv(1 << 16)
    for _ in range(20000):
        s.signal(signal.SIGHUP)
    s.stop(seconds=5)
    assert s.log().count("reading the configuration again") < 5000


def test_silent_connections_leave_the_api(t):
    """With 400 silent connections kept up on the RTMP port, the API and a coworker's query are answered."""
    s = t.server("srs", top.clustered("127.0.0.1:1").replace("max_connections 1000;", "max_connections 100;"))
    t.publish(s.url("live/x"))
    s.wait_live("x")
    silent, worst, asked = [], 0, 0
    end = time.monotonic() + 5
    try:
        while time.monotonic() < end:
            while len(silent) < 400:
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", s.rtmp))
                silent.append(sock)
            began = time.monotonic()
            answer = s.json("/api/v1/clusters?vhost=__defaultVhost__&app=live&stream=x", "POST")
            worst, asked = max(worst, time.monotonic() - began), asked + 1
            assert answer["data"]["origin"], answer
            silent = [x for x in silent if not closed(x)]
    finally:
        for sock in silent:
            sock.close()
    print(f"{asked} queries answered, the slowest in {worst * 1000:.0f} ms")


def closed(sock):
    try:
        if sock.recv(1):
            return False
    except BlockingIOError:
        return False
    except OSError:
        pass
    sock.close()
    return True
