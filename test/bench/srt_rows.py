"""The rows of SRT: publishers and players by objs/srt_bench, and beside them an srt-live-transmit for each stream."""
import os
import shutil
import socket

from measure import LOAD_CPU, SERVER_CPU, TOP, Lab, Missing, ports, summary

SRT_BENCH = os.path.join(TOP, "objs", "srt_bench")
KBPS = 500
RELAYS = 15             # srt-live-transmit: hundreds of them do not fit on one CPU, and each costs the same


def load(lab, mode, port, count, seconds, name, watch=(), stream="s%d", **options):
    """Starts srt_bench; lab.ready() waits until all run, lab.result() until it ends."""
    if not os.path.exists(SRT_BENCH):
        raise Missing("objs/srt_bench is not built: make bench-tools, with libsrt")
    what = "publish" if mode == "publish" else "request"
    command = [SRT_BENCH, "-m", mode, "-u", f"srt://127.0.0.1:{port}?streamid=#!::r=live/{stream},m={what}",
               "-n", str(count), "-t", str(seconds), "--json", f"--name={name}"]
    for pid in watch:
        command += ["-p", str(pid)]
    command += [f"--{k}={v}" for k, v in options.items()]
    p = lab.spawn(LOAD_CPU, command, name)
    p.name = name
    return p


def start(lab):
    port, = ports(1)
    server = lab.srs(more=f"srt_server {{ enabled on; listen 127.0.0.1:{port}; }} max_connection_rate_per_address 0;",
                     vhost="srt { enabled on; }")
    server.srt = port
    # What a first connection brings (the library, its threads, tables) is nobody's in particular.
    lab.result(load(lab, "publish", port, 5, 0.5, "first", stream="first%d", warm=0.2, kbps=KBPS))
    return server


def figures(r):
    out = summary(dict({"latency_ms": {"p50": 0, "p99": 0, "max": 0}}, **r))
    out.update(dropped=r["dropped"], sent=r["packets"])
    return out


def publishers(count):
    def run(seconds):
        with Lab() as lab:
            server = start(lab)
            return figures(lab.result(load(lab, "publish", server.srt, count, seconds, "publishers", [server.pid], kbps=KBPS)))
    return run


def players(count):
    """Players of one stream, which comes by SRT too."""
    def run(seconds):
        with Lab() as lab:
            server = start(lab)
            lab.ready(load(lab, "publish", server.srt, 1, 0, "publisher", stream="x", kbps=KBPS))
            return figures(lab.result(load(lab, "play", server.srt, count, seconds, "players", [server.pid], stream="x")))
    return run


def free_udp(count):
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for s in socks:
        s.bind(("127.0.0.1", 0))
    found = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return found


def transmit(lab, source, target, name):
    """One srt-live-transmit, whose output nobody keeps."""
    if not shutil.which("srt-live-transmit"):
        raise Missing("srt-live-transmit is not installed")
    return lab.spawn(SERVER_CPU, ["sh", "-c", 'exec srt-live-transmit -q -chunk:1456 "$0" "$1" >/dev/null', source, target], name)


def numbered(lab, mode, at, watch, seconds):
    """One client for each of these ports; the figures of all together."""
    each = [load(lab, mode, port, 1, 0 if i else seconds, f"{mode}{i}", [p.pid for p in watch] if not i else (), kbps=KBPS)
            for i, port in enumerate(at)]
    for p in each:
        lab.ready(p)
    r = lab.result(each[0])
    r["count"] = r["running"] = len(at)
    return figures(r)


def relays_in(seconds):
    """An srt-live-transmit for each publisher, which throws away what comes."""
    with Lab() as lab:
        at = free_udp(RELAYS)
        programs = [transmit(lab, f"srt://127.0.0.1:{p}?mode=listener", "file://con", f"in{i}") for i, p in enumerate(at)]
        return numbered(lab, "publish", at, programs, seconds)


def relays_out(seconds):
    """An srt-live-transmit for each player, all of which fetch one stream from a server of ours."""
    with Lab() as lab:
        at = free_udp(RELAYS)
        port, = ports(1)
        origin = lab.srs(more=f"srt_server {{ enabled on; listen 127.0.0.1:{port}; }}", vhost="srt { enabled on; }", cpu=LOAD_CPU)
        lab.ready(load(lab, "publish", port, 1, 0, "publisher", stream="x", kbps=KBPS))
        link = f"srt://127.0.0.1:{port}?mode=caller&streamid=#!::r=live/x,m=request"
        programs = [transmit(lab, link, f"srt://127.0.0.1:{p}?mode=listener", f"out{i}") for i, p in enumerate(at)]
        out = numbered(lab, "play", at, programs, seconds)
        assert origin.poll() is None
        return out


def beside(count):
    """FLV players of a stream of RTMP, alone or beside so many SRT publishers and as many players of theirs."""
    def run(seconds):
        with Lab() as lab:
            server = start(lab)
            lab.publish(server, 880)
            if count:
                lab.ready(load(lab, "publish", server.srt, count, 0, "publishers", kbps=KBPS))
                lab.ready(load(lab, "play", server.srt, count, 0, "players", sample=count))
            return summary(lab.result(lab.load("play-flv", f"http://127.0.0.1:{server.http}/live/x.flv", 50, seconds, "flv",
                                               watch=[server.pid], sample=1)))
    return run


def against(f):
    """Ours beside a program for each stream: CPU of one of them."""
    v, other = f["srs"], f.get("transmit")
    text = f"{v['us'] / 1e4:.3f} % of a core and {v['kb']:.0f} KB each; {v['dropped']:.0f} packets dropped"
    if other:
        text += f"; an srt-live-transmit {other['us'] / 1e4:.2f} %: {v['us'] / other['us']:.2f} × that"
    return v["dropped"] == 0 and (not other or v["us"] <= other["us"]), text


def undelayed(f):
    alone, crowd = f["alone"], f["srs"]
    return (crowd["latency_p99"] <= alone["latency_p99"] + 20 and not crowd["stalls"],
            f"p50 {alone['latency_p50']:.0f} → {crowd['latency_p50']:.0f} ms, p99 {alone['latency_p99']:.0f} → "
            f"{crowd['latency_p99']:.0f} ms; the server took {crowd['cpu']:.0f} % of a core")


def srt_rows(row, both, whole):
    return [
        row("srt-publish", "300 SRT publishers of 500 kb/s", {"srs": publishers(300), "transmit": relays_in},
            "nothing dropped; CPU of each ≤ that of an srt-live-transmit", judge=both(against, whole)),
        row("srt-play", "300 SRT players of one stream of 500 kb/s", {"srs": players(300), "transmit": relays_out},
            "nothing dropped; CPU of each ≤ that of an srt-live-transmit that fetches and serves", judge=both(against, whole)),
        row("srt-beside", "50 FLV players beside 300 SRT publishers and 300 SRT players, 500 kb/s each",
            {"alone": beside(0), "srs": beside(300)}, "latency p99 ≤ 20 ms more than without them; no stall",
            judge=both(undelayed, whole)),
    ]
