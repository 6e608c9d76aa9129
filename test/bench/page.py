"""The results as a page and as a plot, both written here: SVG needs no library."""
import html
import os

NAMES = {"srs": "ours", "rtmp": "ours, RTMP", "flv": "ours, FLV", "nginx": "nginx-rtmp", "floor": "floor",
         "transmit": "srt-live-transmit", "alone": "ours, without them"}
COLOURS = {"floor": "#9aa5b1", "srs": "#2f6fde", "rtmp": "#2f6fde", "flv": "#27a567", "nginx": "#d98c2b"}


def verdict(met):
    return {True: "met", False: "NOT met", None: "not decided"}[met]


def one_line(f):
    parts = [f"{f['running']} of {f['count']} run"]
    if "cpu" in f:
        parts.append(f"CPU {f['cpu']:.2f} % ({f['us']:.1f} µs each), {f['kb']:.1f} KB each")
    if f.get("latency_p99"):
        parts.append(f"latency {f['latency_p50']:.0f}/{f['latency_p99']:.0f} ms")
    if f.get("first_p99"):
        parts.append(f"first frame p99 {f['first_p99']:.0f} ms")
    if f.get("kbps"):
        parts.append(f"{f['kbps']:.0f} kb/s (slowest {f['slowest'] * 100:.1f} %)")
    if f.get("probe_p99"):
        parts.append(f"answers p99 {f['probe_p99']:.1f} max {f['probe_max']:.1f} ms")
    if f.get("early_gap_max"):
        parts.append(f"gap of the early ones {f['early_gap_max']:.0f} ms")
    if f.get("disconnects") or f.get("failures"):
        parts.append(f"LOST {f['disconnects'] + f['failures']}: {f['reasons']}")
    if f.get("skipped"):
        parts.append(f"{f['skipped']:.0f} messages not sent for lack of CPU")
    if f.get("load_cpu"):
        parts.append(f"load {f['load_cpu']:.0f} %")
    return ", ".join(parts)


def cpu(f):
    return f"{f['cpu']:.1f} %" if "cpu" in f else "–"


def cells(figures):
    """CPU of the floor, ours and nginx-rtmp; of rows that have others, all of them as ours."""
    own = [f"{NAMES.get(k, k)}: {cpu(v)}" for k, v in figures.items() if k not in ("floor", "nginx", "srs")]
    if "srs" in figures:
        own = [cpu(figures["srs"])]
    return [cpu(figures["floor"]) if "floor" in figures else "–", "<br>".join(own),
            cpu(figures["nginx"]) if "nginx" in figures else "–"]


def table(results):
    lines = ["| work | bound | result | | floor | ours | nginx-rtmp |", "|---|---|---|---|---|---|---|"]
    for r in results.values():
        lines.append("| " + " | ".join([r["title"], r["bound"], r["result"], verdict(r["met"]),
                                        *cells(r["figures"])]) + " |")
    return "\n".join(lines)


def details(results):
    lines = ["| work | program | CPU (range) | µs a second and connection | KB a connection | latency p50 / p99 | "
             "first frame p99 | slowest / fastest | lost |", "|---|---|---|---|---|---|---|---|---|"]
    for r in results.values():
        for name, f in r["figures"].items():
            if "cpu" not in f:
                continue
            latency = f"{f['latency_p50']:.0f} / {f['latency_p99']:.0f} ms" if f.get("latency_p99") else "–"
            first = f"{f['first_p99']:.0f} ms" if f.get("first_p99") else "–"
            fair = f"{f['slowest'] * 100:.1f} / {f['fastest'] * 100:.1f} %" if f.get("slowest") else "–"
            lines.append(f"| {r['title']} | {NAMES.get(name, name)} | {f['cpu']:.2f} % ({f['cpu_low']:.1f} to "
                         f"{f['cpu_high']:.1f}) | {f['us']:.1f} | {f['kb']:.1f} | {latency} | {first} | {fair} | "
                         f"{int(f['disconnects'] + f['failures'])} |")
    return "\n".join(lines)


INTRO = """# What serving costs

Ratios first: each row compares programs that were measured in turns in one run, so that they hold
on another machine, too. *Floor* is `objs/floor`, which writes the same bytes at the same period to
as many sockets and does nothing else; nginx-rtmp is the one of Debian's packages, with its
defaults. `make bench` measures all of it again, `scripts/bench --row NAME` one row. What grows with
the number of players, and why, is in [growth.md](growth.md).

![CPU of one core](bench.svg)

"""


def conditions(results):
    last = max(results.values(), key=lambda r: r["day"])
    c = last["conditions"]
    return (f"Measured until {last['day']} on {c['cpus']} CPUs ({c['model']}), Linux {c['kernel']}, over loopback. "
            "The server is pinned to one CPU, all load runs on the other. Over loopback the work of the receiving "
            "TCP is charged to the sender. CPU is utime + stime of the server's process over the window, a median "
            "of the rounds; memory is the growth of its resident set divided by the connections, without the "
            "kernel's socket buffers. Files are in memory. The stream has 30 pictures a second with a key frame of "
            "eight times the size every two seconds and 43 sounds a second.\n\nLatency is the time from the sending of a message by the "
            "publisher to its last byte's arrival at a player, on one clock. \"Answers\" are those of the API of the "
            "same process to a request each 5 ms: they include the scheduling of the asker, who shares a CPU with "
            "the load, and so bound from above how late a ticker in the process would be.")


def write(folder, results):
    if not results:
        raise SystemExit("bench: nothing has been measured yet")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "bench.md"), "w") as f:
        f.write(INTRO + table(results) + "\n\n## Conditions\n\n" + conditions(results) + "\n\n## All figures\n\n" +
                details(results) + "\n")
    with open(os.path.join(folder, "bench.svg"), "w") as f:
        f.write(plot(results))


def plot(results):
    """CPU of the rows in which programs are compared, as bars."""
    shown = {n: r for n, r in results.items()
             if sum("cpu" in f for f in r["figures"].values()) > 1 and
             any(k in r["figures"] for k in ("floor", "nginx"))}
    bars = [(r["title"], [(k, f["cpu"]) for k, f in r["figures"].items() if "cpu" in f]) for r in shown.values()]
    most = max((v for _, b in bars for _, v in b), default=1)
    left, width, bar, gap = 20, 640, 15, 34
    y, out = 44, []
    for title, row in bars:
        out.append(f'<text x="{left}" y="{y}" class="t">{html.escape(title)}</text>')
        y += 6
        for k, v in row:
            w = max(1.0, v / most * width)
            label = f"{NAMES.get(k, k)} {v:.1f} %"
            out.append(f'<rect x="{left}" y="{y}" width="{w:.1f}" height="{bar - 3}" rx="2" '
                       f'fill="{COLOURS.get(k, "#2f6fde")}"/>'
                       f'<text x="{left + w + 6:.1f}" y="{y + bar - 5}" class="v">{html.escape(label)}</text>')
            y += bar
        y += gap - bar
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left * 2 + width + 140}" height="{y}" '
            f'font-family="sans-serif">\n<style>.t{{font-size:13px;fill:#222}}.v{{font-size:11px;fill:#444}}</style>\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n<text x="{left}" y="22" font-size="16" '
            f'font-weight="bold">CPU of one core, in per cent</text>\n' + "\n".join(out) + "\n</svg>\n")
