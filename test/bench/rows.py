"""The rows of the table: what each measures, on which programs, and what it must show.

A row's `variants` are functions (name -> callable) that make one measurement each and return its
figures. They take turns, round by round, so that whatever disturbs the machine disturbs all."""
import threading
import time

from front_rows import front_rows
from hls_rows import hls_rows
from measure import SERVER_CPU, Lab, summary
from rtc_rows import rtc_rows
from srt_rows import srt_rows

HEADERS_KBPS = 5        # RTMP's and FLV's own bytes around 73 messages a second
DEFAULT_MS = 100        # mw_latency where nothing is configured


class Row:
    def __init__(self, name, title, variants, bound, seconds=10, rounds=3, judge=None, slow=False):
        self.name, self.title, self.variants = name, title, variants
        self.bound, self.seconds, self.rounds = bound, seconds, rounds
        self.judge, self.slow = judge, slow


# ---- one measurement each ----

def play(lab, server, proto, count, seconds, options=None, name="players"):
    s = "s" if proto.endswith("s") else ""
    url = (f"http{s}://127.0.0.1:{server.http}/live/x.flv" if proto.startswith("flv")
           else f"rtmp{s}://127.0.0.1:{server.rtmp}/live/x")
    return lab.load("play-" + proto.rstrip("s"), url, count, seconds, name, watch=[server.pid], **(options or {}))


def ours(proto, count, kbps, conf, vhost="", **options):
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(conf, vhost, tls=proto.endswith("s"))
            lab.publish(server, kbps)
            return summary(lab.result(play(lab, server, proto, count, seconds, options)))
    return run


def continuous(path, count, kbps):
    """Players of a continuous format over HTTP that only count bytes."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs("mw_latency 350;")
            lab.publish(server, kbps)
            return summary(lab.result(lab.load("idle", f"http://127.0.0.1:{server.http}{path}", count, seconds, "players",
                                               watch=[server.pid])))
    return run


def nginx(count, kbps, **options):
    def run(seconds):
        with Lab() as lab:
            server = lab.nginx()
            lab.publish(server, kbps)
            return summary(lab.result(play(lab, server, "rtmp", count, seconds, options)))
    return run


def floor(count, kbps, period, tls=False, **options):
    """A program that only writes; with tls by SSL_write."""
    def run(seconds):
        with Lab() as lab:
            server = lab.floor(period, "tls" if tls else "write", kbps=kbps + HEADERS_KBPS)
            scheme = "tls" if tls else "tcp"
            return summary(lab.result(lab.load("sink", f"{scheme}://127.0.0.1:{server.port}", count, seconds,
                                               "players", watch=[server.pid], **options)))
    return run


def floor_receive(count, kbps):
    """A program that only receives: one read for each publisher and period."""
    def run(seconds):
        with Lab() as lab:
            server = lab.floor(DEFAULT_MS, "receive")
            return summary(lab.result(lab.load("publish", f"tcp://127.0.0.1:{server.port}", count, seconds,
                                               "publishers", watch=[server.pid], kbps=kbps)))
    return run


def floor_relay(count, kbps):
    """A program that only passes on: one read and one send for each stream and period."""
    def run(seconds):
        with Lab() as lab:
            server = lab.floor(DEFAULT_MS, "relay")
            receivers = lab.load("sink", f"tcp://127.0.0.1:{server.port + 1}", count, seconds, "players",
                                 watch=[server.pid], ramp=500, warm=5)
            lab.load("publish", f"tcp://127.0.0.1:{server.port}", count, 0, "publishers", kbps=kbps)
            return summary(lab.result(receivers))
    return run


def with_probe(proto, count, kbps, conf):
    """Players, and somebody who asks the API each 5 ms: what else the process does is in time."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(conf)
            lab.publish(server, kbps)
            # They come before and go behind: thousands that join or leave are other rows.
            players = play(lab, server, proto, count, seconds + 4, {"ramp": 2000, "warm": 3})
            lab.ready(players)
            time.sleep(3)
            probe = lab.load("probe", f"http://127.0.0.1:{server.api}/api/v1/versions", 1, seconds, "probe")
            asked = summary(lab.result(probe))
            if not asked["running"]:
                raise RuntimeError(f"the probe failed: {asked['reasons']}")
            out = summary(lab.result(players))
            out.update(probe_p50=asked["latency_p50"], probe_p99=asked["latency_p99"],
                       probe_max=asked["latency_max"])
            return out
    return run


def publishers(which, count, kbps):
    def run(seconds):
        with Lab() as lab:
            server = lab.srs() if which == "srs" else lab.nginx()
            return summary(lab.result(lab.load("publish", f"rtmp://127.0.0.1:{server.rtmp}/live/s%d", count,
                                               seconds, "publishers", watch=[server.pid], kbps=kbps)))
    return run


def idle(kind, count, settle=2.0):
    """Connections that want nothing, and what they cost: silent ones, HTTP ones between two
    requests, players of a stream that nobody publishes."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs()
            mode, url = {
                "silent": ("idle", f"tcp://127.0.0.1:{server.rtmp}/"),
                "http": ("idle", f"http://127.0.0.1:{server.api}/api/v1/versions"),
                "waiting": ("play-rtmp", f"rtmp://127.0.0.1:{server.rtmp}/live/nobody"),
            }[kind]
            # What a first connection brings (tables, pages of the program) is nobody's in particular.
            lab.result(lab.load(mode, url, 20, 0.2, "first", warm=0.2))
            return summary(lab.result(lab.load(mode, url, count, seconds, "idle", watch=[server.pid],
                                               ramp=5000, warm=settle)))
    return run


def playing_memory(proto, count):
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(tls=proto.endswith("s"))
            lab.publish(server, 300)
            lab.result(play(lab, server, proto, 20, 0.2, {"warm": 2.5}, "first"))
            return summary(lab.result(play(lab, server, proto, count, seconds)))
    return run


def stream_memory(count, kbps):
    """Published streams that nobody watches: each keeps its newest GOP (2 s) and little more."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs()
            lab.result(lab.load("publish", f"rtmp://127.0.0.1:{server.rtmp}/live/first%d", 5, 1, "first"))
            out = summary(lab.result(lab.load("publish", f"rtmp://127.0.0.1:{server.rtmp}/live/s%d", count, seconds,
                                              "publishers", watch=[server.pid], kbps=kbps, warm=5)))
            out["gop_kb"] = kbps / 8 * 2
            return out
    return run


def join(proto, early, late):
    """Some watch; many come within a second."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs()
            lab.publish(server)
            first = play(lab, server, proto, early, seconds, {"sample": 1, "warm": 1}, "early")
            lab.ready(first)
            time.sleep(2)
            crowd = play(lab, server, proto, late, 2, {"ramp": late, "warm": 1}, "late")
            late_figures, early_figures = summary(lab.result(crowd)), summary(lab.result(first))
            late_figures["early_gap_max"] = early_figures["gap_max"]
            late_figures["early_lost"] = early_figures["disconnects"]
            return late_figures
    return run


def edge(count, kbps):
    """An edge that relays so many streams to one player each; the origin runs beside the load."""
    def run(seconds):
        with Lab() as lab:
            origin = lab.srs(name="origin", cpu=1 - SERVER_CPU)
            server = lab.srs(vhost=f"cluster {{ mode remote; origin 127.0.0.1:{origin.rtmp}; }}")
            lab.publish(origin, kbps, count, "s%d")
            return summary(lab.result(lab.load("play-rtmp", f"rtmp://127.0.0.1:{server.rtmp}/live/s%d", count, seconds,
                                               "players", watch=[server.pid], ramp=500)))
    return run


def pulls(count, kbps):
    """One origin and the pulls of many edges."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs()
            lab.publish(server, kbps)
            return summary(lab.result(play(lab, server, "rtmp", count, seconds, {"edge": True, "ramp": 1000})))
    return run


def mesh(count, kbps):
    """Streams spread over four origins; then each is asked for at an origin that has not got it."""
    origins, each = 4, count // 4

    def run(seconds):
        with Lab() as lab:
            servers = start_mesh(lab, origins)
            figures, senders = {}, []
            for i, s in enumerate(servers):
                senders.append(lab.load("publish", f"rtmp://127.0.0.1:{s.rtmp}/live/s%d", each, 0, f"publish{i}",
                                        first=i * each, kbps=kbps, fps=5, audio=0, ramp=500))
            for p in senders:
                lab.ready(p)
            time.sleep(seconds)
            seen = [None] * origins

            def look(i):
                elsewhere = servers[(i + 1) % origins]
                p = lab.load("play-rtmp", f"rtmp://127.0.0.1:{elsewhere.rtmp}/live/s%d", each, 2, f"play{i}",
                             first=i * each, ramp=250, sample=1, stall=5000)
                seen[i] = lab.result(p)
            for i in range(origins):
                threads = [threading.Thread(target=look, args=(i,))]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
            sent = [lab.stop(p) for p in senders]
            figures["published"] = sum(r["running"] for r in sent)
            figures["found"] = sum(r["running"] for r in seen if r)
            figures["redirects"] = sum(r["redirects"] for r in seen if r)
            figures["first_p99"] = max(r["first_frame_ms"]["p99"] for r in seen if r)
            figures["reasons"] = {k: v for r in seen + sent for k, v in r["reasons"].items()}
            figures["count"] = figures["running"] = figures["found"]
            return figures
    return run


def start_mesh(lab, count):
    from measure import ports
    rtmp, api = ports(count), ports(count)
    servers = []
    for i in range(count):
        others = " ".join(f"127.0.0.1:{p}" for k, p in enumerate(api) if k != i)
        servers.append(lab.srs(vhost=f"cluster {{ mode local; origin_cluster on; coworkers {others}; }}",
                               name=f"origin{i}", rtmp=rtmp[i], api=api[i], cpu=None))
    return servers


# ---- the table ----

def ratio(to, most):
    """Ours costs at most so many times what the other one costs."""
    def judge(f):
        if to not in f or "cpu" not in f["srs"]:
            return None, f"{to}: not measured"
        r = f["srs"]["cpu"] / f[to]["cpu"] if f[to]["cpu"] else 0
        return r <= most, f"{r:.2f} × {to}"
    return judge


def both(*judges):
    def judge(f):
        found = [j(f) for j in judges]
        known = [ok for ok, _ in found if ok is not None]
        return (all(known) if known else None), "; ".join(text for _, text in found)
    return judge


def at_most(key, most, unit="", who="srs", scale=1.0, words=None):
    def judge(f):
        v = f.get(who, {}).get(key)
        if v is None:
            return None, f"{words or key}: not measured"
        return v * scale <= most, f"{words or key} {v * scale:.3g} {unit}".strip()
    return judge


def whole(f):
    """Nobody failed or was lost."""
    lost = sum(max(v.get("disconnects", 0) + v.get("failures", 0), v["count"] - v["running"])
               for k, v in f.items() if not k.startswith(("floor", "nginx")))
    return lost == 0, "nobody lost" if lost == 0 else f"{lost} lost"


def players_row(proto, count):
    variants = {"floor": floor(count, 880, 350), "srs": ours(proto, count, 880, "mw_latency 350;")}
    if proto == "rtmp":
        variants["nginx"] = nginx(count, 880)
    return Row(f"{proto}-{count}", f"{count:,} {proto.upper()} players, 880 kb/s, 350 ms", variants,
               "CPU ≤ 1.25 × floor", judge=both(ratio("floor", 1.25), whole))


def tls_row(proto, count):
    name = {"flvs": "FLV players over HTTPS", "rtmps": "RTMPS players"}[proto]
    return Row(f"{proto}-{count}", f"{count:,} {name}, 880 kb/s, 350 ms",
               {"floor": floor(count, 880, 350, tls=True), "srs": ours(proto, count, 880, "mw_latency 350;")},
               "CPU ≤ 1.25 × a program that writes the same by SSL_write", judge=both(ratio("floor", 1.25), whole))


def default_row(proto):
    return Row(f"default-{proto}", f"1,000 {proto.upper()} players, 880 kb/s, default batching ({DEFAULT_MS} ms)",
               {"floor": floor(1000, 880, DEFAULT_MS), "srs": ours(proto, 1000, 880, "")},
               "latency p99 ≤ 150 ms, CPU ≤ 1.25 × floor",
               judge=both(ratio("floor", 1.25), at_most("latency_p99", 150, "ms", words="latency p99"), whole))


def many_row(proto):
    return Row(f"many-{proto}", f"9,000 {proto.upper()} players, 1 Mb/s, 350 ms, beside 200 API requests a second",
               {"floor": floor(9000, 1000, 350, ramp=2000), "srs": with_probe(proto, 9000, 1000, "mw_latency 350;")},
               "≤ 40 % of a core; answers p99 ≤ 10 ms, max ≤ 20 ms", rounds=2,
               judge=both(at_most("cpu", 40, "%", words="CPU"), at_most("probe_p99", 10, "ms", words="answer p99"),
                          at_most("probe_max", 20, "ms", words="max"), ratio("floor", 9), whole))


def growth(f):
    """Beside it the floor's own growth: what the kernel does for sockets that are cold grows, too."""
    small, large = f["500"]["us"], f["8000"]["us"]
    kernel_small, kernel_large = f["floor 500"]["us"], f["floor 8000"]["us"]
    slowest = min(v["slowest"] for k, v in f.items() if not k.startswith("floor"))
    return (large <= small * 1.1 and slowest >= 0.95,
            f"{small:.1f} → {large:.1f} µs a player and second ({large / small:.2f} ×); the floor "
            f"{kernel_small:.1f} → {kernel_large:.1f} ({kernel_large / kernel_small:.2f} ×), so "
            f"{small / kernel_small:.2f} → {large / kernel_large:.2f} × floor; slowest player {slowest * 100:.1f} %")


def growth_row(proto):
    variants = {}
    for n in (500, 1000, 2000, 4000, 8000):
        if n in (500, 8000):
            variants[f"floor {n}"] = floor(n, 100, 350, ramp=2000)
        variants[str(n)] = ours(proto, n, 100, "mw_latency 350;", ramp=2000)
    return Row(f"growth-{proto}", f"500 to 8,000 {proto.upper()} players of 100 kb/s, 350 ms", variants,
               "CPU per player ≤ 1.1 × from 500 to 8,000; slowest ≥ 95 %", judge=both(growth, whole))


def min_judge(f):
    r = {k: v["cpu"] for k, v in f.items() if "cpu" in v}
    if "nginx" not in r:
        return None, "nginx-rtmp is not there"
    rtmp, flv = r["rtmp"] / r["nginx"], r["flv"] / r["rtmp"]
    return rtmp <= 0.65 and flv <= 1.10, f"{rtmp:.2f} × nginx; FLV {flv:.2f} × RTMP"


def memory_judge(limits):
    def judge(f):
        found = [(k, f[k]["kb"], most) for k, most in limits.items() if k in f and "kb" in f[k]]
        return all(kb <= most for _, kb, most in found), ", ".join(f"{k} {kb:.1f}" for k, kb, _ in found) + " KB"
    return judge


def stream_judge(f):
    v = f["srs"]
    return v["kb"] <= v["gop_kb"] + 64, f"{v['kb']:.0f} KB a stream, of them {v['gop_kb']:.0f} the GOP"


def idle_judge(f):
    return (all(v["cpu"] < 0.5 for v in f.values()),
            ", ".join(f"{k} {v['cpu']:.2f} %" for k, v in f.items()))


def mesh_judge(f):
    v = f["srs"]
    return (v["published"] == 10000 and v["found"] == 10000,
            f"{v['published']} published, {v['found']} found after {v['redirects']} redirects")


def rows():
    out = [players_row(proto, n) for proto in ("rtmp", "flv") for n in (1000, 2000)]
    out += [tls_row("flvs", 1000), tls_row("rtmps", 1000)]
    out += [default_row("rtmp"), default_row("flv"), many_row("rtmp"), many_row("flv")]
    out += [
        Row("idle", "9,000 connections without traffic",
            {"silent": idle("silent", 9000), "waiting": idle("waiting", 9000, 8.0)},
            "0 % CPU", seconds=5, rounds=1, judge=idle_judge),
        Row("min-latency", "1,000 players, min_latency on",
            {"floor": floor(1000, 880, 33.3), "rtmp": ours("rtmp", 1000, 880, "", "min_latency on;"),
             "flv": ours("flv", 1000, 880, "", "min_latency on;"), "nginx": nginx(1000, 880)},
            "≤ 0.65 × nginx-rtmp; FLV ≤ 1.1 × RTMP", judge=min_judge),
        Row("mp4-1000", "1,000 players of fragmented MP4, 880 kb/s, 350 ms",
            {"flv": continuous("/live/x.flv", 1000, 880), "srs": continuous("/page/live/x.mp4", 1000, 880)},
            "CPU ≤ 1.3 × FLV players of the same stream", judge=both(ratio("flv", 1.3), whole)),
        Row("publish", "1,000 publishers of 100 kb/s, no players",
            {"floor": floor_receive(1000, 100), "srs": publishers("srs", 1000, 100),
             "nginx": publishers("nginx", 1000, 100)},
            "≤ 1.5 × a program that only receives, ≤ 0.5 × nginx-rtmp",
            judge=both(ratio("floor", 1.5), ratio("nginx", 0.5), whole)),
        growth_row("rtmp"), growth_row("flv"),
        Row("edge", "an edge that relays 1,000 streams of 100 kb/s to one player each",
            {"floor": floor_relay(1000, 100), "srs": edge(1000, 100)}, "≤ 1.5 × a program that only passes on",
            judge=both(ratio("floor", 1.5), whole)),
        Row("join", "2,000 players join within a second, 200 watch already",
            {"rtmp": join("rtmp", 200, 2000), "flv": join("flv", 200, 2000)},
            f"first frame p99 ≤ 1 s; gap of the early ones ≤ {2 * DEFAULT_MS} ms",
            judge=both(at_most("first_p99", 1000, "ms", "rtmp", words="first frame"),
                       at_most("early_gap_max", 2 * DEFAULT_MS, "ms", "rtmp", words="gap"),
                       at_most("first_p99", 1000, "ms", "flv", words="FLV: first frame"),
                       at_most("early_gap_max", 2 * DEFAULT_MS, "ms", "flv", words="gap"), whole)),
        Row("memory", "resident memory of a connection",
            {"silent": idle("silent", 2000), "http": idle("http", 2000), "waiting": idle("waiting", 2000),
             "rtmp": playing_memory("rtmp", 2000), "flv": playing_memory("flv", 2000),
             "rtmps": playing_memory("rtmps", 1000), "flvs": playing_memory("flvs", 1000)},
            "silent ≤ 5.5 KB, idle HTTP ≤ 8 KB, waiting or playing ≤ 12 KB, encrypted ≤ 26 KB", seconds=3, rounds=1,
            judge=memory_judge({"silent": 5.5, "http": 8, "waiting": 12, "rtmp": 12, "flv": 12, "rtmps": 26,
                                "flvs": 26})),
        Row("stream-memory", "a published stream of 500 kb/s without players",
            {"srs": stream_memory(200, 500)}, "≤ its GOP + 64 KB", seconds=3, rounds=1, judge=stream_judge),
        Row("edges", "7,000 pulls of one 300 kb/s stream from one origin, five minutes",
            {"srs": pulls(7000, 300)}, "nobody dropped", seconds=300, rounds=1, slow=True,
            judge=both(whole, at_most("cpu", 100, "%", words="CPU"))),
        Row("mesh", "10,000 streams of 20 kb/s on four origins, each asked for elsewhere",
            {"srs": mesh(10000, 20)}, "all accepted and found", seconds=5, rounds=1, slow=True, judge=mesh_judge),
    ]
    out += front_rows(Row)
    out += hls_rows(Row)
    out += rtc_rows(Row, both, ratio, whole)
    out += srt_rows(Row, both, whole)
    return {r.name: r for r in out}
