"""Rows of HLS: what cutting streams costs, and what serving them does."""
import json
import os
import shutil
import subprocess
import sys
import time
from statistics import median

from measure import LOAD_CPU, NGINX_MODULE, SERVER_CPU, Lab, Missing, pinned, ports, summary

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from support.hls import blocked_reloads, fetch  # noqa: E402
VIEWERS = os.path.join(HERE, "hls_viewers.py")
PLAIN = "plain.test"        # a vhost without HLS, whose players must not notice
HLS = "hls {{ enabled on; hls_path {folder}; hls_fragment 2; hls_window 20; hls_ctx {ctx}; {more} }}"


def hls(lab, ctx="off", more=""):
    return HLS.format(folder=os.path.join(lab.folder, "www"), ctx=ctx, more=more)


def wait_for_list(lab, server, seconds=30):
    path = os.path.join(lab.folder, "www", "live", "x.m3u8")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.path.exists(path):
            with open(path) as f:
                if f.read().count("#EXTINF") >= 3:
                    return
        time.sleep(0.05)
    raise RuntimeError(f"no playlist of three segments:\n{lab.log(server)[-2000:]}")


def watch(lab, port, count, seconds, pid):
    """Figures of so many viewers of the server at that port."""
    done = subprocess.run(pinned(LOAD_CPU, [sys.executable, VIEWERS, f"http://127.0.0.1:{port}/live/x.m3u8", str(count),
                                            str(seconds), str(pid)]), capture_output=True, text=True, timeout=seconds + 60,
                          cwd=lab.folder)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout)


def files_by_nginx(lab):
    """One worker that sends files, as people put it in front of a server."""
    if not shutil.which("nginx"):
        raise Missing("nginx is not installed")
    port, = ports(1)
    path = os.path.join(lab.folder, "files.conf")
    with open(path, "w") as f:
        f.write(f"daemon off; master_process off; pid {lab.folder}/files.pid; error_log stderr error;\n"
                "worker_rlimit_nofile 20000; events { worker_connections 19000; }\n"
                "http { sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000; keepalive_timeout 60s;\n"
                "  types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }\n"
                f"  server {{ listen 127.0.0.1:{port} backlog=4096; root {lab.folder}/www; }} }}\n")
    p = lab.spawn(SERVER_CPU, ["nginx", "-p", lab.folder, "-c", path], "files")
    lab.wait_port(p, port, "files")
    p.http = port
    return p


def viewers(which, count, kbps, ctx="off"):
    def run(seconds):
        with Lab() as lab:
            is_origin = which == "origin"
            origin = lab.srs(vhost=hls(lab, ctx if is_origin else "off"), name="origin",
                             cpu=SERVER_CPU if is_origin else LOAD_CPU)
            lab.publish(origin, kbps)
            wait_for_list(lab, "origin")
            server = origin
            if which == "edge":
                server = lab.srs(vhost=hls(lab, ctx, f"hls_origin 127.0.0.1:{origin.http};") +
                                 f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp}; }}", name="edge")
            elif which == "nginx":
                server = files_by_nginx(lab)
            return watch(lab, server.http, count, seconds, server.pid)
    return run


def nginx_that_cuts(lab):
    if not os.path.exists(NGINX_MODULE):
        raise Missing("nginx with libnginx-mod-rtmp is not installed")
    port, = ports(1)
    path = os.path.join(lab.folder, "cut.conf")
    os.makedirs(os.path.join(lab.folder, "www"), exist_ok=True)
    with open(path, "w") as f:
        f.write(f"load_module {NGINX_MODULE};\n"
                f"daemon off; master_process off; pid {lab.folder}/cut.pid; error_log stderr error;\n"
                "worker_rlimit_nofile 20000; events { worker_connections 19000; }\n"
                f"rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096;\n"
                f"  application live {{ live on; hls on; hls_path {lab.folder}/www; hls_fragment 2s;\n"
                "    hls_playlist_length 20s; } } }\n")
    p = lab.spawn(SERVER_CPU, ["nginx", "-p", lab.folder, "-c", path], "cut")
    p.rtmp = port
    lab.wait_port(p, port, "cut")
    return p


def cutting(which, count, kbps):
    """Streams that are published; of ours also the latency of a player of another vhost."""
    def run(seconds):
        with Lab() as lab:
            if which == "nginx":
                server = nginx_that_cuts(lab)
            else:
                server = lab.srs(vhost=(hls(lab) if which == "srs" else "") + f" }} vhost {PLAIN} {{ http_remux {{ enabled on; "
                                 "mount [vhost]/[app]/[stream].flv; }")
            load = lab.load("publish", f"rtmp://127.0.0.1:{server.rtmp}/live/s%d", count, seconds + 8, "publishers",
                            watch=[server.pid], kbps=kbps, ramp=100)
            lab.ready(load)
            seen = {}
            if which != "nginx":
                lab.publish(server, 300, stream=f"x?vhost={PLAIN}")
                seen = summary(lab.result(lab.load("play-flv", f"http://127.0.0.1:{server.http}/live/x.flv?vhost={PLAIN}", 1,
                                                   seconds, "player")))
            out = summary(lab.result(load))
            out.update({k: v for k, v in seen.items() if k.startswith("latency")})
            return out
    return run


def reloads(count):
    """Blocked reloads of low latency that wait for one part, ten times; a player of FLV beside them."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(vhost=hls(lab, more="hls_low_latency on; hls_part 0.333;"))
            lab.publish(server, 500, gop=1)
            wait_for_list(lab, "srs")
            player = lab.load("play-flv", f"http://127.0.0.1:{server.http}/live/x.flv", 1, seconds, "player")
            url, times = f"http://127.0.0.1:{server.http}/live/x.m3u8", []
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline or not times:
                times.append(blocked_reloads(url, count, lambda: open_part(url)))
            out = summary(lab.result(player))
            out.update(reload_p50=median(x["p50"] for x in times), reload_p99=median(x["p99"] for x in times))
            return out
    return run


def open_part(url):
    """The number of the open segment, and how many parts it has."""
    text = fetch(url).decode()
    first = int(text.partition("#EXT-X-MEDIA-SEQUENCE:")[2].partition("\n")[0])
    return first + text.count("#EXTINF:"), text.rpartition("#EXTINF:")[2].count("#EXT-X-PART:")


def reloads_judge(f):
    texts, good = [], True
    for who, most in (("500", 20), ("3000", 100)):
        ms = f[who]["reload_p99"] * 1000
        good = good and ms <= most
        texts.append(f"{who}: p99 {ms:.1f} ms behind the first answer")
    return good, ", ".join(texts) + f"; FLV beside them p99 {f['3000']['latency_p99']:.0f} ms"


def serving_judge(f):
    if "nginx" not in f:
        return None, "nginx: not measured"
    texts, good = [], True
    for who in ("origin", "edge", "sessions"):
        r = f[who]["cpu"] / f["nginx"]["cpu"] if f["nginx"]["cpu"] else 0
        good = good and (r <= 1.1 or who == "sessions") and not f[who]["failures"]
        texts.append(f"{who} {r:.2f} ×")
    return good, ", ".join(texts) + " nginx"


def cutting_judge(f):
    late = f["srs"]["latency_p99"] - f["without"]["latency_p99"]
    text = f"FLV players of another vhost p99 {late:+.0f} ms"
    if "nginx" not in f:
        return None, text
    r = f["srs"]["cpu"] / f["nginx"]["cpu"]
    return r <= 0.6 and late <= 20, f"{r:.2f} × nginx-rtmp, {text}"


def hls_rows(row):
    return [
        row("hls-cut", "200 streams of 1 Mb/s are cut into HLS",
            {"srs": cutting("srs", 200, 1000), "without": cutting("without", 200, 1000), "nginx": cutting("nginx", 200, 1000)},
            "≤ 0.6 × nginx-rtmp; FLV of another vhost p99 within 20 ms", judge=cutting_judge),
        row("hls-serve", "5,000 viewers of one HLS stream of 500 kb/s",
            {"origin": viewers("origin", 5000, 500), "edge": viewers("edge", 5000, 500),
             "nginx": viewers("nginx", 5000, 500), "sessions": viewers("origin", 5000, 500, "on")},
            "origin and edge ≤ 1.1 × an nginx worker that sends the files; with hls_ctx reported", judge=serving_judge),
        row("hls-reload", "blocked reloads of Low-Latency HLS that one part answers",
            {"500": reloads(500), "3000": reloads(3000)}, "p99 ≤ 20 ms for 500, ≤ 100 ms for 3,000", judge=reloads_judge),
    ]
