"""The HTTP API: its endpoints, their shapes, authentication and kicking."""
import base64
import socket
import time

import topology as top
from support import httpc
from support.server import curl, wait_for


def busy(t):
    """A server with an encoder, a player over RTMP and one over HTTP."""
    s = t.server("srs", top.local())
    t.publish(s.url("live/x?k=v"), mark=True)
    t.probe(s.url("live/x")).wait_frames(10)
    t.probe(s.flv("live/x")).wait_frames(10)
    return s


def common(s, answer):
    assert answer["code"] == 0 and answer["server"] and answer["service"], answer
    assert answer["pid"] == str(s.pid), answer
    return answer


def test_connections_beyond_the_places_of_the_api(t):
    """An API port has 48 places of its own; who comes beyond them has one of everybody's."""
    s = t.server("srs", top.local())
    idle = [t.keep(socket.create_connection(("127.0.0.1", s.api), 5)) for _ in range(100)]
    assert s.json("/api/v1/versions")["code"] == 0
    for sock in idle:
        sock.sendall(b"GET /api/v1/versions HTTP/1.1\r\nHost: a\r\n\r\n")
    assert all(sock.recv(12) == b"HTTP/1.1 200" for sock in idle)


def test_basic_auth(t):
    """With auth on, a request without the right name and password is 401 and learns nothing."""
    s = t.server("srs", top.local().replace(
        "http_api {", "http_api { auth { enabled on; username admin; password secret; }"))
    for head in ({}, {"Authorization": "Basic " + base64.b64encode(b"admin:wrong").decode()},
                 {"Authorization": "Basic !!!"}, {"Authorization": "Bearer x"}):
        r = httpc.fetch(s.api_url("/api/v1/versions"), headers=head)
        assert r.status == 401 and r.headers["www-authenticate"].startswith("Basic"), (head, r.status, r.headers)
        assert b"version" not in r.content
    status, body, _ = curl(s.api_url("/api/v1/versions"), "-u", "admin:secret")
    assert status == 0 and b'"major"' in body, body


def test_clients(t):
    """clients lists each connection with type, address, URLs and counters, and each by its id."""
    s = busy(t)
    answer = common(s, s.json("/api/v1/clients/"))
    kinds = {c["type"]: c for c in answer["clients"]}
    assert set(kinds) == {"fmle-publish", "rtmp-play", "flv-play"}, list(kinds)
    for c in kinds.values():
        assert c["ip"] == "127.0.0.1" and c["publish"] == (c["type"] == "fmle-publish"), c
        assert {"id", "vhost", "stream", "pageUrl", "swfUrl", "tcUrl", "url", "name", "alive", "send_bytes",
                "recv_bytes", "kbps"} <= set(c), c
        assert {"recv_30s", "send_30s"} <= set(c["kbps"]), c
    one = s.json("/api/v1/clients/" + kinds["rtmp-play"]["id"])
    assert one["client"]["id"] == kinds["rtmp-play"]["id"], one
    assert kinds["rtmp-play"]["send_bytes"] > 1000 and kinds["fmle-publish"]["recv_bytes"] > 1000
    assert s.json("/api/v1/clients/nobody")["code"] == 2049


def test_count_and_start_page_through_lists(t):
    """start and count page through lists; count is at least ten."""
    s = t.server("srs", top.local())
    for n in range(12):
        t.publish(s.url(f"live/s{n}"))
    names = [x["name"] for x in s.json("/api/v1/streams/?start=0&count=10")["streams"]]
    more = [x["name"] for x in s.json("/api/v1/streams/?start=10&count=10")["streams"]]
    assert len(names) == 10 and len(more) == 2 and not set(names) & set(more), (names, more)
    assert len(s.json("/api/v1/streams/?count=1")["streams"]) == 10


def test_index_and_its_links(t):
    """/, /api/ and /api/v1/ list what there is, and what they list answers."""
    s = t.server("srs", top.local())
    assert "api" in common(s, s.json("/"))["urls"]
    assert "v1" in common(s, s.json("/api/"))["urls"]
    urls = common(s, s.json("/api/v1/"))["urls"]
    for name in ("versions", "summaries", "rusages", "meminfos", "features", "vhosts", "streams", "clients",
                 "clusters"):
        assert name in urls, (name, list(urls))
        assert httpc.fetch(s.api_url(f"/api/v1/{name}")).status == 200, name


def test_kick(t):
    """DELETE of a client ends its connection and no other."""
    s = busy(t)
    player, viewer = t.things[2], t.things[3]
    kinds = {c["type"]: c["id"] for c in s.clients()}
    assert s.json("/api/v1/clients/" + kinds["rtmp-play"], "DELETE")["code"] == 0
    player.wait_ended(3)
    assert not viewer.ended
    assert s.json("/api/v1/clients/" + kinds["flv-play"], "DELETE")["code"] == 0
    viewer.wait_ended(3)
    assert s.json("/api/v1/clients/" + kinds["fmle-publish"], "DELETE")["code"] == 0
    wait_for(lambda: t.things[1].ended, 3, "the end of the encoder")
    assert s.json("/api/v1/clients/nobody", "DELETE")["code"] != 0
    assert httpc.fetch(s.api_url("/api/v1/clients/"), "PUT").status == 405


def test_streams(t):
    """streams has each stream with its codecs, counters and publisher; each by its id; gone when all left."""
    s = busy(t)
    x = wait_for(lambda: (s.stream("x") or {}).get("audio") and s.stream("x"), 3, "the codecs")
    assert x["app"] == "live" and x["publish"]["active"] and x["publish"]["cid"], x
    assert x["video"]["codec"] == "H264" and (x["video"]["width"], x["video"]["height"]) == (320, 180), x
    assert x["video"]["profile"] and x["video"]["level"], x
    assert x["audio"]["codec"] == "AAC" and x["audio"]["sample_rate"] == 44100 and x["audio"]["channel"] in (1, 2), x
    assert x["clients"] == 3 and x["frames"] > 0 and x["recv_bytes"] > 0 and x["send_bytes"] > 0, x
    assert abs(x["live_ms"] - time.time() * 1000) < 60000 and {"id", "vhost", "tcUrl", "url", "kbps"} <= set(x), x
    assert common(s, s.json("/api/v1/streams/" + x["id"]))["stream"]["name"] == "x"
    assert s.json("/api/v1/streams/vid-unknown")["code"] == 2048
    assert httpc.fetch(s.api_url("/api/v1/streams/"), "POST").status == 405
    for thing in reversed(t.things[1:4]):
        thing.stop()
    wait_for(lambda: not s.streams(), 5, "an empty list")


def test_summaries_and_process_figures(t):
    """summaries, rusages, meminfos and features have SRS's members."""
    s = t.server("srs", top.local())
    data = common(s, s.json("/api/v1/summaries"))["data"]
    assert data["ok"] and {"version", "pid", "ppid", "argv", "cwd", "mem_kbyte", "mem_percent", "cpu_percent",
                           "srs_uptime"} <= set(data["self"]), data
    assert data["self"]["pid"] == s.pid and data["self"]["mem_kbyte"] > 500, data["self"]
    assert {"cpu_percent", "mem_ram_kbyte", "mem_ram_percent", "cpus", "cpus_online", "uptime", "load_1m", "conn_srs",
            "conn_sys", "srs_recv_bytes", "srs_send_bytes"} <= set(data["system"]), data["system"]
    assert {"ru_utime", "ru_stime", "ru_maxrss", "ru_nvcsw"} <= set(common(s, s.json("/api/v1/rusages"))["data"])
    assert {"MemTotal", "MemFree", "Cached", "percent_ram"} <= set(common(s, s.json("/api/v1/meminfos"))["data"])
    assert "features" in common(s, s.json("/api/v1/features"))["data"]


def test_versions(t):
    """versions says which version this is, on the API and on the HTTP port."""
    s = t.server("srs", top.local())
    for url in (s.api_url("/api/v1/versions"), s.web("/api/v1/versions")):
        data = common(s, httpc.fetch_json(url))["data"]
        assert data["version"] == f"{data['major']}.{data['minor']}.{data['revision']}", data


def test_vhosts(t):
    """vhosts lists those that had a client, with their counters, and each by its id."""
    s = busy(t)
    answer = common(s, s.json("/api/v1/vhosts/"))
    v = next(x for x in answer["vhosts"] if x["name"] == "__defaultVhost__")
    assert v["enabled"] and v["clients"] == 3 and v["streams"] == 1 and v["recv_bytes"] > 0 and "kbps" in v, v
    assert s.json("/api/v1/vhosts/" + v["id"])["vhost"]["name"] == "__defaultVhost__"
    assert s.json("/api/v1/vhosts/vid-unknown")["code"] == 2014


def test_unknown_path_is_404(t):
    """What the API does not have is 404."""
    s = t.server("srs", top.local())
    assert httpc.fetch(s.api_url("/api/v1/nothing")).status == 404
    assert httpc.fetch(s.api_url("/nothing")).status == 404


def test_pulled_stream_is_listed_on_the_edge(t):
    """A stream that an edge pulls is an active stream there."""
    origin = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, origin)
    t.publish(origin.url("live/x"))
    t.probe(edge.url("live/x")).wait_frames(5)
    assert edge.stream("x")["publish"]["active"], edge.streams()
