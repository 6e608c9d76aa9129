"""The rows of WebRTC: players by WHEP of a stream that is published by WHIP, by objs/rtc_bench, beside a program that
only encrypts and sends the same packets."""
import json
import os
import urllib.request

from measure import FLOOR, SERVER_CPU, TOP, Lab, Missing, ports, prompt, summary

RTC_BENCH = os.path.join(TOP, "objs", "rtc_bench")


def load(lab, mode, url, count, seconds, name, watch=(), **options):
    """Starts rtc_bench; lab.ready() waits until all run, lab.result() until it ends."""
    if not os.path.exists(RTC_BENCH):
        raise Missing("objs/rtc_bench is not built: make bench-tools")
    command = [RTC_BENCH, "-m", mode, "-u", url, "-n", str(count), "-t", str(seconds), "--json"]
    for pid in watch:
        command += ["-p", str(pid)]
    command += [f"--{k}={v}" for k, v in options.items()]
    p = lab.spawn(1 - SERVER_CPU, prompt(command) if mode == "publish" else command, name)
    p.name = name
    return p


def start(lab, kbps):
    """A server of WebRTC with the stream live/x."""
    port, = ports(1)
    server = lab.srs(more=f"rtc_server {{ enabled on; listen 127.0.0.1:{port}; candidate 127.0.0.1; }} "
                     "max_connection_rate_per_address 0;", vhost="rtc { enabled on; rtmp_to_rtc on; }")
    server.whep = f"http://127.0.0.1:{server.api}/rtc/v1/whep/?stream=x"
    publisher = load(lab, "publish", f"http://127.0.0.1:{server.api}/rtc/v1/whip/?stream=x", 1, 0, "publisher", kbps=kbps)
    lab.ready(publisher)
    return server


def figures(r):
    out = summary(r)
    out.update(missing=r["missing"] / max(1, r["packets"]), jumps=r["jumps"], sound_p99=r["sound_latency_ms"]["p99"],
               key_p99=r["key_latency_ms"]["p99"], sent=r["packets"])
    return out


def players(count, kbps, **options):
    def run(seconds):
        with Lab() as lab:
            server = start(lab, kbps)
            lab.result(load(lab, "play", server.whep, 20, 0.2, "first"))    # what a first player brings
            return figures(lab.result(load(lab, "play", server.whep, count, seconds, "players", [server.pid], **options)))
    return run


def floor(count, kbps, **options):
    """A program that only encrypts and sends."""
    def run(seconds):
        with Lab() as lab:
            port, = ports(1)
            p = lab.spawn(SERVER_CPU, [FLOOR, "-m", "rtc", "-p", str(port), "-k", str(kbps)], "floor")
            return figures(lab.result(load(lab, "sink", f"udp://127.0.0.1:{port}", count, seconds, "players", [p.pid],
                                           **options)))
    return run


def joins(count, kbps):
    """Players that come and go one after the other, each until its first picture: what stays of them."""
    def run(_):
        with Lab() as lab:
            server = start(lab, kbps)
            lab.result(load(lab, "join", server.whep, 500, 0, "first"))
            r = lab.result(load(lab, "join", server.whep, count, 0, "joins", [server.pid]), seconds=900)
            with urllib.request.urlopen(f"http://127.0.0.1:{server.api}/api/v1/rtc", timeout=5) as answer:
                left = json.load(answer)["rtc"]["sessions"] - 1
            out = figures(r)
            out.update(kb=0, grown_kb=r["rss_after_kb"] - r["rss_before_kb"], left=left, rate=count / r["seconds"])
            return out
    return run


def join_judge(f):
    v = f["srs"]
    return (v["grown_kb"] <= 2048 and v["left"] == 0 and v["failures"] == 0 and v["running"] == v["count"],
            f"{v['running']} of {v['count']} saw a picture, {v['rate']:.0f} a second, first one p99 {v['first_p99']:.0f} ms after "
            f"the offer; memory {v['grown_kb']:+.0f} KB, {v['left']} sessions left")


def latency_judge(f):
    v = f["srs"]
    return (v["sound_p99"] <= 15 and v["latency_p99"] <= 15 and v["key_p99"] <= 100 and not v["disconnects"],
            f"p99: sound {v['sound_p99']:.1f} ms, pictures {v['latency_p99']:.1f} ms, key frames {v['key_p99']:.1f} ms")


def complete(f):
    """No player of the server may lack a packet in a thousand: over loopback only a full buffer loses any."""
    v = f["srs"]
    return v["missing"] <= 0.001, f"{v['missing'] * 100:.3f} % of the packets missing"


def small(f):
    return f["srs"]["kb"] <= 40, f"{f['srs']['kb']:.1f} KB a player"


def rtc_rows(row, both, ratio, whole):
    return [
        row("rtc-1000", "1,000 WebRTC players, 1 Mb/s and Opus",
            {"floor": floor(1000, 1000), "srs": players(1000, 1000)},
            "CPU ≤ 1.3 × a program that encrypts and sends the same packets by GSO; ≤ 40 KB a player",
            judge=both(ratio("floor", 1.3), small, complete, whole)),
        row("rtc-latency", "500 WebRTC players, 1 Mb/s and Opus, from the publisher's packet to the player's",
            {"srs": players(500, 1000, sample=1)}, "sound and pictures p99 ≤ 15 ms, key frames ≤ 100 ms",
            judge=both(latency_judge, complete, whole)),
        row("rtc-joins", "10,000 WebRTC players join and leave one after the other", {"srs": joins(10000, 500)},
            "each sees a picture; memory and sessions as before", rounds=1, seconds=0, judge=join_judge),
    ]
