"""/metrics, and that the dashboard and the alerts in conf/ ask for what is there: by Debian's own Prometheus."""
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse

import topology as top
from support import gb, httpc, rtc, srt
from support.case import calm, limit
from support.hookserver import HookServer
from support.rtmp_chunk import Closed
from support.server import free_port, wait_for

CONF = os.path.join(top.HERE, "..", "..", "conf")
TEN = ("srs_node_uname_info", "srs_build_info", "srs_cpu_percent", "srs_memory", "srs_send_bytes_total",
       "srs_receive_bytes_total", "srs_streams", "srs_clients", "srs_clients_total", "srs_clients_errs_total")
# The queries of SRS's own dashboard.
OF_SRS = (
    'rate(srs_receive_bytes_total[30s]) * 8 / 1000 * on(instance) group_left(tag,label) srs_build_info{tag=~".*"}',
    'rate(srs_send_bytes_total[30s]) * 8 / 1000 * on(instance) group_left(tag,label) srs_build_info{tag=~".*"}',
    "srs_clients", "srs_streams", "srs_clients_total", "srs_clients_errs_total", "sum(srs_build_info)",
    "srs_cpu_percent", "srs_memory")
SAMPLE = re.compile(r'^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$')


def exporter(more=""):
    return "exporter { enabled on; listen 127.0.0.1:$metrics; label here; tag test; " + more + " }\n"


def scrape(server):
    r = httpc.fetch(f"http://127.0.0.1:{server.values['metrics']}/metrics")
    assert r.status == 200 and r.headers["content-type"].startswith("text/plain; version=0.0.4"), r.headers
    return r.content.decode()


def samples(text):
    """{(name, labels): value}"""
    out = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            m = SAMPLE.match(line)
            assert m, line
            out[m.group(1), m.group(2) or ""] = float(m.group(3))
    return out


def value(found, name, **labels):
    """The sum of the samples of that name that have these labels."""
    return sum(v for (n, text), v in found.items()
               if n == name and all(f'{k}="{w}"' in text for k, w in labels.items()))


def with_exporter(t, name, text, **values):
    return t.server(name, text, values=dict(values, metrics=free_port()))


def test_figures_of_streams_and_clients(t):
    """The ten names of SRS and ours, in a text that promtool accepts, with the numbers of what is going on."""
    s = with_exporter(t, "srs", top.local(top=exporter()))
    t.publish(s.url('live/a"b'))
    probes = [t.probe(s.url('live/a"b')).wait_frames(10), t.probe(s.flv("live/a%22b")).wait_frames(10)]
    found = samples(scrape(s))
    assert {n for n, _ in found} >= set(TEN)
    assert value(found, "srs_streams") == 1 and value(found, "srs_clients") == 3
    assert value(found, "srs_build_info", label="here", tag="test") == 1
    assert value(found, "srs_clients_by_type", type="rtmp-play") == 1
    assert value(found, "srs_clients_by_role", role="publisher") == 1
    stream = 'a\\"b'
    assert value(found, "srs_stream_players", stream=stream) == 2, found
    assert value(found, "srs_stream_frames_total", stream=stream) > 0
    assert value(found, "srs_first_frame_seconds_count") == 2
    assert value(found, "srs_loop_lag_seconds_count") > 0
    before = value(found, "srs_send_bytes_total")
    for p in probes:
        p.wait_frames(10, after=time.monotonic())
    probes[0].stop()
    found = wait_for(lambda: (f := samples(scrape(s)), value(f, "srs_clients") == 2)[1] and f, 5, "the leave")
    assert value(found, "srs_send_bytes_total") > before
    assert value(found, "srs_sessions_ended_total", role="play", reason="closed") == 1
    t.need("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(s), text=True, capture_output=True, timeout=20,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_figures_of_hls_webrtc_and_hooks(t):
    """Requests and segments of HLS, sessions and datagrams of WebRTC, and what web services have answered, event by event."""
    hooks = t.keep(HookServer())
    vhost = (rtc.VHOST % "" + "hls { enabled on; hls_fragment 1; hls_window 5; hls_ctx off; } http_hooks { enabled on; "
             f"on_publish {hooks.url('/publish')}; on_play {hooks.url('/play')}; }}")
    s = with_exporter(t, "srs", top.conf(vhost, top=exporter() + rtc.SERVER % ""))
    t.publish(s.url("live/a"))
    wait_for(lambda: httpc.fetch(s.web("/live/a.m3u8")).status == 200, 20, "a playlist")
    assert httpc.fetch(s.web("/live/" + re.findall(r"^(?:live/)?(a-\S+)$", httpc.fetch(s.web("/live/a.m3u8")).content.decode(),
                                                 re.M)[0])).status == 200
    assert rtc.whip(s, "r").status == 201
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.sendto(b"\x80nobody's", ("127.0.0.1", s.rtc))
    found = wait_for(lambda: (f := samples(scrape(s)), value(f, "srs_rtc_datagrams_total", kind="unknown_peer") == 1)[1] and f, 5,
                     "the datagram")
    assert value(found, "srs_hls_requests_total", kind="playlist") >= 2
    assert value(found, "srs_hls_requests_total", kind="media") >= 1
    assert value(found, "srs_hls_segments_total", result="made") >= 1 and value(found, "srs_hls_blocked_requests") == 0
    assert value(found, "srs_rtc_sessions", state="half_open") == 1
    assert value(found, "srs_rtc_sessions_total", result="opened") == 1
    assert value(found, "srs_rtc_crossed_datagrams_total") == 0
    assert value(found, "srs_hook_requests_total", event="on_publish", result="allowed") == 2, found
    assert value(found, "srs_hook_request_seconds_count", event="on_publish") == 2
    t.need("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(s), text=True, capture_output=True, timeout=20,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_largest_streams_have_series(t):
    """Beyond exporter.streams, streams are one series 'other', whose counters never go back when streams end."""
    s = with_exporter(t, "srs", top.local(top=exporter("streams 2;"), publish="reconnect_grace 0;"))
    publishers = [t.publish(s.url(f"live/s{n}")) for n in range(5)]
    t.probe(s.url("live/s3")).wait_frames(5)
    for p in publishers:
        p.wait_sent(40)
    found = samples(scrape(s))
    named = {text for n, text in found if n == "srs_stream_players"}
    assert len(named) == 3 and any('stream="s3"' in text for text in named), named
    assert value(found, "srs_streams_other") == 3
    other = value(found, "srs_stream_receive_bytes_total", stream="other")
    assert other > 0
    for p in publishers[:3]:
        p.stop()
    found = wait_for(lambda: (f := samples(scrape(s)), value(f, "srs_streams") == 2)[1] and f, 5, "the ends")
    assert value(found, "srs_stream_receive_bytes_total", stream="other") >= other
    assert value(found, "srs_streams_other") == 0


def test_the_exporter_is_off_by_itself(t):
    """Without exporter {}, /metrics has SRS's code 1090; with it, the API's port asks for the API's password and the
    exporter's own port for none, and serves nothing else."""
    s = t.server("srs", top.local())
    assert s.json("/metrics")["code"] == 1090
    auth = top.API.replace("}", "auth { enabled on; username a; password b; } }")
    s = with_exporter(t, "two", top.local(top=exporter()).replace(top.API, auth))
    assert httpc.fetch(s.api_url("/metrics")).status == 401
    own = f"http://127.0.0.1:{s.values['metrics']}"
    assert httpc.fetch(own + "/metrics").status == 200 and httpc.fetch(own + "/healthz").status == 200
    assert httpc.fetch(own + "/api/v1/clients/").status == 404
    assert httpc.fetch(own + "/live/x.flv").status == 404


def board_queries():
    """The expressions of the dashboard, as Prometheus gets them."""
    with open(os.path.join(CONF, "grafana", "srs.json")) as f:
        board = json.load(f)
    return [target["expr"].replace("$instance", ".*").replace("$stream", ".*")
            for panel in board["panels"] for target in panel["targets"]]


def queries():
    """Those of the alerts, too."""
    out = board_queries()
    with open(os.path.join(CONF, "prometheus", "alerts.yml")) as f:
        out += re.findall(r"^ +expr: (.*)$", f.read(), re.M)
    return out + list(OF_SRS)


def test_alerts_are_what_promtool_takes(t):
    """promtool finds no fault in the alert rules and in the sample of Prometheus' own configuration, which names them."""
    t.need("promtool")
    for kind, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        done = subprocess.run(["promtool", "check", kind, os.path.join(CONF, "prometheus", name)], text=True, capture_output=True,
                              timeout=20, check=False)
        assert done.returncode == 0 and re.search(r"[1-9]\d* rules found", done.stdout + done.stderr), done.stdout + done.stderr


class Prometheus:
    def __init__(self, t, targets):
        self.port = free_port()
        folder = t.path("prometheus")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(CONF, "prometheus", "prometheus.yml")) as f:
            text = f.read().replace("15s", "1s").replace(
                '["127.0.0.1:9972"]', json.dumps(targets)).replace(
                "alerts.yml", os.path.abspath(os.path.join(CONF, "prometheus", "alerts.yml")))
        with open(os.path.join(folder, "prometheus.yml"), "w") as f:
            f.write(text)
        t.need("prometheus")
        t.spawn(["prometheus", "--config.file", os.path.join(folder, "prometheus.yml"), "--storage.tsdb.path",
                 os.path.join(folder, "data"), "--web.listen-address", f"127.0.0.1:{self.port}"], name="prometheus")

    def get(self, path, **query):
        r = httpc.fetch(f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(query), timeout=10)
        return json.loads(r.content)

    def up(self):
        try:
            return sum(float(r["value"][1]) for r in self.query("up"))
        except (OSError, Closed, ValueError):   # it does not listen yet, or says in plain words that it is not ready
            return 0

    def query(self, text):
        answer = self.get("query", query=text)
        assert answer["status"] == "success", (text, answer)
        return answer["data"]["result"]


# What no panel and no alert asks for: figures of SRS's own dashboard, and what stands behind others.
BESIDE = {"srs_node_uname_info", "srs_cpu_percent", "srs_memory", "srs_clients_by_type_total", "srs_connections_too_fast_total",
          "srs_streams_begun_total", "srs_streams_other", "process_virtual_memory_bytes"}


def start_all_protocols(t):
    """A server with everything that has figures, and somebody at each of it."""
    srt.need(t)
    hooks = t.keep(HookServer())
    vhost = (rtc.VHOST % "" + srt.VHOST % "" + "hls { enabled on; hls_fragment 1; hls_window 5; } http_hooks { enabled on; "
             f"on_publish {hooks.url('/publish')}; on_play {hooks.url('/play')}; }}")
    s = with_exporter(t, "all", top.conf(vhost, top=exporter() + rtc.SERVER % "" + srt.SERVER % "" + gb.CONF % ("", "")))
    camera = gb.Camera(t, s)
    t.publish(s.url("live/a"))
    s.wait_live(camera.id)
    assert rtc.whip(s, "r").status == 201
    wait_for(lambda: httpc.fetch(s.web("/live/a.m3u8")).status == 200, 20, "a playlist")
    return s


@calm
@limit(60)
def test_every_query_of_dashboard_and_alerts(t):
    """A Prometheus that scrapes two origins, an edge and a server of all protocols under load runs every query of conf/grafana and
    conf/prometheus, and those of SRS's dashboard: each is understood, names what exists, and those of the dashboard have an answer;
    of the families that there are each is asked for."""
    t.need("prometheus")
    a, b = (with_exporter(t, n, top.clustered("127.0.0.1:1", top=exporter())) for n in "ab")
    edge = with_exporter(t, "edge", top.edge(f"{a.address} {b.address}", top=exporter()))
    servers = [a, b, edge, start_all_protocols(t)]
    prometheus = Prometheus(t, [f"127.0.0.1:{s.values['metrics']}" for s in servers])
    t.publish(a.url("live/x"))
    t.probe(edge.url("live/x")).wait_frames(5)
    t.probe(edge.flv("live/x")).wait_frames(5)
    wait_for(lambda: prometheus.up() == len(servers), 30, "all servers scraped")
    for side in ("send", "receive"):    # a rate needs two scrapes of each server
        wait_for(lambda s=side: len(prometheus.query(f"rate(srs_{s}_bytes_total[30s])")) == len(servers), 20, "rates of all")
    families = set(re.findall(r"^# TYPE (\S+)", "".join(scrape(s) for s in servers), re.M))
    known = {name + part for name in families for part in ("", "_bucket")}
    asked = set()
    for text in queries():
        for name in re.findall(r"\b(?:srs|process)_[a-z0-9_]+\b", text):
            assert name in known, f"{name} of {text} does not exist"
            asked |= {name, name.removesuffix("_bucket")}
        prometheus.query(text)
    assert not families - asked - BESIDE, families - asked - BESIDE

    def silent():
        t.probe(edge.flv("live/x")).wait_frames(1).stop()       # one more session that has ended
        return [text for text in board_queries() if not prometheus.query(text)]
    wait_for(lambda: not silent(), 20, "an answer to every query of the dashboard")
    for text in OF_SRS:
        assert len(prometheus.query(text)) in (1, len(servers)), text
    rules = prometheus.get("rules")["data"]["groups"][0]["rules"]
    assert len(rules) > 10 and all(r["health"] in ("ok", "unknown") for r in rules), rules
