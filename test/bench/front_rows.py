"""Rows of the front door: what TLS and web services cost those who watch already, and those who come."""
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

from measure import LOAD_CPU, TOP, Lab, ports, summary

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH_MS = 350
SLOW = 0.2          # of the web service, seconds
FLV = "http{}://127.0.0.1:{}/live/x.flv"


def watch(lab, server, count, seconds, tls=True, name="early", **options):
    """Players that are there before all else."""
    p = lab.load("play-flv", FLV.format("s" if tls else "", server.http), count, seconds, name, watch=[server.pid], warm=1,
                 **options)
    lab.ready(p)
    return p


# ---- new viewers over TLS

def tls_join(early, late, batch=BATCH_MS):
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(f"mw_latency {batch};", tls=True)
            lab.publish(server)
            first = watch(lab, server, early, seconds)
            time.sleep(2)
            crowd = summary(lab.result(lab.load("play-flv", FLV.format("s", server.http), late, 2, "late", ramp=late, warm=1)))
            seen = summary(lab.result(first))
            crowd.update(early_gap_max=seen["gap_max"], early_lost=seen["disconnects"], cpu=seen["cpu"], us=seen["us"], kb=seen["kb"])
            crowd["batch"] = batch
            return crowd
    return run


def join_judge(f):
    texts, good = [], True
    for v in f.values():
        good = good and v["early_gap_max"] <= 2 * v["batch"] and v["first_max"] <= 2000 and not v["early_lost"]
        texts.append(f"batches of {v['batch']} ms: gap {v['early_gap_max']:.0f} ms, first frame p99 {v['first_p99']:.0f} ms, "
                     f"max {v['first_max']:.0f} ms")
    return good, "; ".join(texts)


# ---- certificates that are swapped

def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    return c


def serial_of(port):
    """Of the certificate that a new handshake sees."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock, context().wrap_socket(sock) as s:
        pem = ssl.DER_cert_to_PEM_cert(s.getpeercert(True))
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True, check=True).stdout


def new_pair(path):
    subprocess.run([os.path.join(TOP, "scripts", "self-signed"), "-o", path], check=True, capture_output=True)
    return subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", path + ".crt"], capture_output=True, text=True,
                          check=True).stdout


def refused(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.api}/api/v1/certificates", timeout=5) as answer:
        return [c["refused"] for c in json.load(answer)["certificates"]]


def wait_for(predicate, seconds=10):
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            raise RuntimeError("it has not come")
        time.sleep(0.02)


def tls_swap(count):
    """A valid pair, a broken one, a valid one, each by HUP, under players."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(f"mw_latency {BATCH_MS};", tls=True)
            pair = os.path.join(lab.folder, "srs")
            lab.publish(server)
            players = watch(lab, server, count, max(seconds, 8))
            told, serial = 0, ""
            for broken in (False, True, False):
                if broken:
                    with open(pair + ".key", "w") as f:
                        f.write("-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n")
                else:
                    serial = new_pair(pair)
                server.send_signal(signal.SIGHUP)
                wait_for(lambda b=broken, s=serial: all(refused(server)) if b else serial_of(server.http) == s)
                told += serial_of(server.http) == serial and serial_of(server.rtmp) == serial
            out = summary(lab.result(players))
            out["serials"] = told
            return out
    return run


def swap_judge(f):
    v = f["srs"]
    return (v["serials"] == 3 and v["gap_max"] <= 2 * BATCH_MS and v["running"] == v["count"] and not v["disconnects"],
            f"{v['count'] - v['running']} of {v['count']} disturbed, longest gap {v['gap_max']:.0f} ms; {v['serials']} of 3 times the serial "
            "that was to be seen, the broken pair refused with its reason")


# ---- a slow web service

def hook(lab, delay=SLOW):
    port, = ports(1)
    p = lab.spawn(LOAD_CPU, [sys.executable, os.path.join(HERE, "hook_service.py"), str(port), str(delay)], "hook")
    lab.wait_port(p, port, "hook")
    p.url = f"http://127.0.0.1:{port}/hook"
    return p


def hook_said(lab, p):
    p.send_signal(signal.SIGTERM)
    p.wait(10)
    text = lab.log("hook")
    return json.loads(text[text.index("{"):].splitlines()[0])


def hook_joins(early, late, ramp):
    """`ramp` a second come, 0 all at once; `late` of 0: nobody does."""
    def run(seconds):
        with Lab() as lab:
            service = hook(lab)
            server = lab.srs(vhost=f"http_hooks {{ enabled on; on_play {service.url}; on_play_timeout 30; }}")
            lab.publish(server)
            first = watch(lab, server, early, max(seconds, 12), tls=False, sample=1)
            ours = watch_hooks(lab, server, late, ramp)
            seen = summary(lab.result(first))
            out = summary(ours) if ours else dict(seen)
            said = hook_said(lab, service)
            # By the numbers of the connections: those that come at once send their requests in an order of their own.
            asked = said["asked"]
            out.update(early_p99=seen["latency_p99"], early_lost=seen["disconnects"], connections=said["most"], asked=len(asked),
                       displaced=max((abs(n - i) for i, n in enumerate(asked)), default=0))
            return out
    return run


def watch_hooks(lab, server, late, ramp):
    if not late:
        return None
    p = lab.load("play-flv", FLV.format("", server.http) + "?n=%d", late, 1, "late", ramp=ramp, warm=0.5)
    return lab.result(p)


def hook_judge(f):
    v, alone, crowd = f["srs"], f["alone"], f["at once"]
    more = v["early_p99"] - alone["early_p99"]
    whole = all(x["running"] == x["count"] == x["asked"] and not x["early_lost"] for x in (v, crowd))
    # In order: the last one waits as long as all before it need, and nobody longer.
    least = crowd["count"] / 32 * SLOW * 1000
    good = (whole and v["first_max"] <= 250 and v["connections"] <= 32 and crowd["connections"] <= 32 and more <= 10 and
            crowd["first_max"] <= 1.1 * least)
    return good, (f"within 10 s: a picture after at most {v['first_max']:.0f} ms (p99 {v['first_p99']:.0f}), {v['connections']} "
                  f"connections, media of others p99 {more:+.1f} ms; at once: {crowd['running']} of {crowd['count']} play, the last "
                  f"after {crowd['first_max'] / 1000:.1f} s, {crowd['connections']} connections, at most "
                  f"{crowd['displaced']} places from their numbers, media of others p99 {crowd['early_p99'] - alone['early_p99']:+.1f} ms")


# ---- half-open handshakes

def client_hello():
    outgoing = ssl.MemoryBIO()
    hello = context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def rss_kb(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def connections(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rubbish(server, count):
    """Connections that send what is no TLS, or looks like it in its first bytes."""
    for i in range(count):
        with socket.create_connection(("127.0.0.1", server.http), 10) as sock:
            text = (os.urandom(600), b"\x16\x03\x01\x02\x00" + os.urandom(512), b"\x16\x03\x01\xff\xff" + bytes(3000))[i % 3]
            try:
                sock.sendall(text)
            except OSError:
                pass


def half_open(early, count, garbage):
    """A third is silent, a third stops within the hello, a third behind it."""
    def run(seconds):
        with Lab() as lab:
            server = lab.srs(f"mw_latency {BATCH_MS};", tls=True)
            lab.publish(server)
            first = watch(lab, server, early, max(seconds, 20))
            hello, socks, before, kb = client_hello(), [], connections(server.pid), {}
            for part in (b"", hello[:40], hello):
                rss = rss_kb(server.pid)
                for _ in range(count // 3):
                    sock = socket.create_connection(("127.0.0.1", server.http), 10)
                    sock.sendall(part)
                    socks.append(sock)
                wait_for(lambda: connections(server.pid) - before >= len(socks))
                kb[len(part)] = (rss_kb(server.pid) - rss) / (count // 3)
            rubbish(server, garbage)
            late = summary(lab.result(lab.load("play-flv", FLV.format("s", server.http), 20, 1, "late", ramp=100, warm=0.5)))
            wait_for(lambda: connections(server.pid) <= before + 5, 25)
            for sock in socks:
                sock.close()
            seen = summary(lab.result(first))
            late.update(early_gap_max=seen["gap_max"], early_lost=seen["disconnects"])
            late.update({f"kb{i}": v for i, v in enumerate(kb.values())})
            return late
    return run


def half_judge(f):
    v = f["srs"]
    good = v["early_gap_max"] <= 2 * BATCH_MS and v["running"] == v["count"] and not v["early_lost"]
    return good and v["kb0"] <= 5.5 and v["kb1"] <= 8, (
        f"gap {v['early_gap_max']:.0f} ms; new viewers beside them have a picture after at most {v['first_max']:.0f} ms; a silent one costs "
        f"{v['kb0']:.1f} KB, one within its hello {v['kb1']:.1f} KB, one behind it {v['kb2']:.1f} KB; all gone after their time")


def front_rows(Row):
    return [
        Row("tls-join", "500 new viewers over HTTPS within a second beside 1,000 that watch",
            {"srs": tls_join(1000, 500), "default": tls_join(1000, 500, 100)},
            "gap of the early ones ≤ 2 batches, all a picture within 2 s", rounds=1, judge=join_judge),
        Row("tls-swap", "certificates swapped under 1,000 players over HTTPS: valid, broken, valid", {"srs": tls_swap(1000)},
            "nobody disturbed, new handshakes see the certificate in use", rounds=1, judge=swap_judge),
        Row("hook", "1,000 join through a web service that takes 200 ms, beside 200 that watch",
            {"alone": hook_joins(200, 0, 0), "srs": hook_joins(200, 1000, 100), "at once": hook_joins(200, 1000, 0)},
            "within 10 s: each ≤ 250 ms, ≤ 32 connections, media of others p99 ≤ 10 ms more; at once: in order, none lost",
            rounds=1, judge=hook_judge),
        Row("half-open", "3,000 half-open handshakes and 300 that are none, beside 200 that watch over HTTPS",
            {"srs": half_open(200, 3000, 300)}, "gap ≤ 2 batches, nobody lost, silent ≤ 5.5 KB, within a hello ≤ 8 KB",
            rounds=1, judge=half_judge),
    ]
