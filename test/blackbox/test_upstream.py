"""What an edge says and hears on its way to the origin: circles, levels, tokens, HTTP-FLV, words for the API."""
import re
import time

import topology as top
from support import SCALE, flv, httpc, rtmp
from support.case import calm
from support.chaos import Feed, Lane, Record, used
from support.probe import Beat
from support.rtmp import VIDEO, Message, Refused
from support.server import free_port, wait_for
from support.converse import converse, grant_connect


def edge_on(t, name, port, origins, more="", play=""):
    """An edge on a known RTMP port, since circles need to know each other."""
    return top.start_edge(t, origins, name=name, more=more, play=play, values={"rtmp": port})


def circle(t, n, more=""):
    """So many edges, each with the next one as its origin and the first as the last one's."""
    ports = [free_port() for _ in range(n)]
    return [edge_on(t, f"e{i}", ports[i], f"127.0.0.1:{ports[(i + 1) % n]}", more) for i in range(n)]


def refused_play(t, edge, seconds=8):
    c = t.client(edge.url("live/x"), timeout=seconds)
    c.connect()
    c.play()
    return c.wait_status("NetStream.Play.Failed", "NetStream.Play.StreamNotFound")


# ---- circles ----

def test_circle_of_edges_refuses_a_play(t):
    """Edges that are each other's origin refuse a player with a clear error, soon; both say why in their logs."""
    for n in (2, 3):
        edges = circle(t, n)
        began = time.monotonic()
        answer = refused_play(t, edges[0])
        assert "circle" in answer.info["description"], answer
        assert time.monotonic() - began < 3 * SCALE
        for e in edges:
            e.wait_log("circle")
        for e in edges:
            e.stop()


def test_circle_of_edges_refuses_a_publish(t):
    """The same for an encoder."""
    edges = circle(t, 2)
    try:
        t.publish(edges[0].url("live/x"), timeout=8)
        raise AssertionError("published into a circle")
    except Refused as e:
        assert "circle" in e.info["description"], e
    for e in edges:
        e.wait_log("circle")


def test_circle_with_players_everywhere(t):
    """Each edge of a circle already waits for players of its own when the others ask it: found all the same."""
    edges = circle(t, 3)
    clients = []
    for e in edges:
        c = t.client(e.url("live/x"), timeout=10)
        c.connect()
        c.play()
        clients.append(c)
    for c in clients:
        assert c.wait_status("NetStream.Play.Failed", "NetStream.Play.StreamNotFound")


def test_edge_that_is_its_own_origin(t):
    """An edge that has itself as origin says so."""
    port = free_port()
    edge = edge_on(t, "e", port, f"127.0.0.1:{port}")
    assert refused_play(t, edge)


def test_two_edges_with_an_origin_and_each_other(t):
    """Edges that have an origin and each other serve, and when the origin is gone and back they serve again."""
    origin = t.server("origin", top.local())
    ports = [free_port(), free_port()]
    edges = [edge_on(t, f"e{i}", ports[i], f"127.0.0.1:{origin.rtmp} 127.0.0.1:{ports[1 - i]}") for i in (0, 1)]
    feed = Feed(t.media())
    t.keep(Lane(origin.url("live/x"), feed)).start()
    probes = [t.probe(e.url("live/x"), keep=False).wait_frames(20, 10) for e in edges]
    origin.kill9()
    wait_for(lambda: all(e.log().count("form a circle") >= 2 for e in edges), 20, "the edges' asking each other")
    origin.start()
    back = time.monotonic()
    for p in probes:
        p.wait_frames(40, 20, after=back)
        assert not p.ended and not p.backwards()


def test_an_outsider_cannot_claim_a_circle(t):
    """A client that claims to have come through the origins of an edge, by every public id, prevents no switch."""
    origins = [t.server(f"origin{n}", top.local()) for n in (1, 2)]
    edge = top.start_edge(t, *origins)
    for o in origins:
        t.publish(o.url("live/x"), mark=True)
    probe = t.probe(edge.url("live/x")).wait_frames(10)
    known = "".join("," + o.json("/api/v1/versions")[k] for o in origins for k in ("service", "server"))
    outsider = t.client(edge.url("live/x")).connect(args={"srs_pid": 1.0, "srs_path": known, "srs_via": known})
    outsider.play()
    outsider.wait(lambda m: m.type == VIDEO, 5)
    next(o for o in origins if edge.stream("x")["relay"]["peer"].endswith(str(o.rtmp))).kill9()
    killed = time.monotonic()
    again = t.client(edge.url("live/x")).connect(args={"srs_pid": 1.0, "srs_path": known, "srs_via": known})
    again.play()                    # the one before is told of the gap, as servers are
    probe.wait_frames(40, 5, after=killed)
    assert not probe.ended and "form a circle" not in edge.log(), probe


def test_hop_limit(t):
    """More servers in a row than hop_limit are refused with a sentence; as many are not."""
    origin = t.server("origin", top.local())
    t.publish(origin.url("live/x"))
    one = top.start_edge(t, origin, name="one", more="hop_limit 1;")
    two = top.start_edge(t, one, name="two")
    three = top.start_edge(t, two, name="three")
    answer = refused_play(t, three)
    assert "hop_limit" in answer.info["description"], answer
    t.probe(two.url("live/x")).wait_frames(10)


# ---- what is passed on ----

def test_vhost_transform(t):
    """cluster's vhost changes the vhost that the origin is asked for, with [vhost] for our own."""
    origin = t.srs(mw_latency=0.01)
    t.publish(origin.url("live/x"))
    for pattern, want in (("fixed.example", "fixed.example"), ("same.[vhost].org", "same.foo.example.org")):
        edge = top.start_edge(t, origin, name="edge-" + want, more=f"vhost {pattern};")
        t.probe(edge.url("live/x?vhost=foo.example")).wait_frames(5)
        assert origin.connects[-1]["object"]["tcUrl"].startswith(f"rtmp://{want}:"), origin.connects[-1]
        assert "vhost=" not in origin.plays[-1].param


def test_parameters_of_the_longest_attached_viewer(t):
    """After a loss the origin is asked with the parameters of the viewer that has been here longest and still is."""
    origins = [t.srs(mw_latency=0.01) for _ in range(2)]
    edge = top.start_edge(t, *origins)
    for o in origins:
        t.publish(o.url("live/x"))
    probes = [t.probe(edge.url(f"live/x?token=t{n}"), keep=False).wait_frames(5) for n in range(3)]
    probes[0].stop()
    wait_for(lambda: len(edge.clients()) == 2, 3, "the leaving of the first viewer")
    first = next(o for o in origins if o.address == used(edge))
    assert any("token=t0" in play.param for play in first.plays), first.plays
    first.close()
    other = next(o for o in origins if o is not first)
    wait_for(lambda: used(edge) == other.address, 5, "the other origin")
    assert "token=t1" in other.plays[-1].param, other.plays[-1].param


class Gate:
    """An origin that lets only those connect whose tcUrl holds a word."""

    def __init__(self, word):
        self.word, self.asked = word, []

    def __call__(self, sock):
        converse(sock, connect=self.connect)

    def connect(self, conn, c):
        self.asked.append((c.object, c.args[0] if c.args else None))
        if self.word in c.object["tcUrl"]:
            grant_connect(conn, c)
        else:
            conn.command("_error", c.tid, None, {"level": "error", "code": "NetConnection.Connect.Rejected",
                                                 "description": "no such token"})


def test_token_traverse(t):
    """With token_traverse the origin decides by the client's own tcUrl, pages and arguments; players and encoders."""
    gate = Gate("token=good")
    listener = t.listen(gate)
    edge = top.start_edge(t, top.not_listening(), listener, more="token_traverse on; upstream_start_timeout 1;")
    for method in ("play", "publish"):
        c = t.client(edge.url("live/x"), timeout=6)
        c.connect({"my": "argument"}, tcUrl=edge.url("live?token=bad"), pageUrl="http://page", swfUrl="http://swf")
        try:
            getattr(c, method)("x")
            answer = c.wait_status()
        except Refused as e:
            answer = e
        assert answer.info["description"] == "no such token", answer
        said, args = gate.asked[-1]
        assert said["tcUrl"] == edge.url("live?token=bad"), said
        assert said["pageUrl"] == "http://page" and said["swfUrl"] == "http://swf" and args == {"my": "argument", "srs_ask": 1}
    c = t.client(edge.url("live/x"), timeout=6)
    c.connect(tcUrl=edge.url("live?token=good"))
    c.play("x")
    wait_for(lambda: len(gate.asked) >= 4, 3, "the pull behind the query")


def test_token_traverse_without_an_origin(t):
    """When no origin can be asked, nobody is let in."""
    edge = top.start_edge(t, top.not_listening(), more="token_traverse on;")
    c = t.client(edge.url("live/x"), timeout=6)
    c.connect()
    c.play()
    assert c.wait_status("NetConnection.Connect.Rejected").info["description"]


# ---- over HTTP-FLV ----

def test_protocol_flv(t):
    """With protocol flv an edge fetches over HTTP-FLV: bit for bit, by one connection, with the parameters."""
    origin = t.server("origin", top.local())
    edge = top.start_flv_edge(t, top.not_listening(), origin)
    publisher = t.publish(origin.url("live/x"))
    probes = [t.probe(edge.url("live/x?token=1")), t.probe(edge.flv("live/x"))]
    for p in probes:
        p.wait_frames(60, 8)
        flv.assert_same(publisher.sent, list(p.messages), least=50)
    fetched = [c for c in origin.clients() if not c["publish"]]
    assert len(fetched) == 1 and fetched[0]["type"] == "flv-play", fetched
    assert used(edge) == origin.http_address


def test_protocol_flv_not_found(t):
    """404 from the origins is StreamNotFound and 404 for the players."""
    def not_found(sock):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    listener = t.listen(not_found)
    edge = top.start_flv_edge(t, listener)
    assert refused_play(t, edge).code == "NetStream.Play.StreamNotFound"
    assert httpc.Response(edge.flv("live/x")).status == 404


def test_name_that_nobody_has_is_asked_of_one_origin(t):
    """An origin that has heard "no" from all others speaks for them, over RTMP and HTTP; with one of them away the
    edge asks each."""
    origins = top.start_origins(t, "abc", more="query_timeout 300; query_cache_none 0;")
    edges = {"rtmp": top.start_edge(t, *origins), "flv": top.start_flv_edge(t, *origins, name="flv")}

    def asked(edge, name, count):
        # Each play at an origin is a line there, whatever becomes of it; lines are written a moment later.
        assert httpc.Response(edge.flv(f"live/{name}")).status == 404

        def lines():
            return sum(f"live/{name}: no coworker has it" in o.log() for o in origins)
        wait_for(lambda: lines() >= count, what=f"{count} origins that were asked for {name}")
        assert lines() == count, name
    for kind, edge in edges.items():
        asked(edge, f"{kind}-1", 1)
    origins[2].kill9()
    origins.pop()
    for kind, edge in edges.items():
        asked(edge, f"{kind}-2", 2)


def test_protocol_flv_follows_redirects(t):
    """302 is followed to host, path and query that it names, three times at most."""
    origin = t.server("origin", top.local())
    publisher = t.publish(origin.url("live/real"))
    seen = []

    def hop(sock, to):
        seen.append(sock.recv(4096).split(b"\r\n")[0])
        sock.sendall(f"HTTP/1.1 302 Found\r\nLocation: {to()}\r\nContent-Length: 0\r\n\r\n".encode())
    second = t.listen(lambda s: hop(s, lambda: origin.flv("live/real") + "?hop=2"))
    first = t.listen(lambda s: hop(s, lambda: f"http://{second.address}/other/name.flv?hop=1"))
    edge = top.start_flv_edge(t, first)
    p = t.probe(edge.url("live/x?k=v")).wait_frames(40, 8)
    flv.assert_same(publisher.sent, list(p.messages), least=30)
    assert seen == [b"GET /live/x.flv?k=v HTTP/1.1", b"GET /other/name.flv?hop=1 HTTP/1.1"], seen
    turn = t.listen(lambda s: hop(s, lambda: f"http://{turn.address}/round.flv"))
    seen.clear()
    other = top.start_flv_edge(t, turn, name="other")
    assert refused_play(t, other)
    assert len(seen) == 4, seen


def test_follow_client(t):
    """With follow_client a stream is pulled by the protocol of its first player: RTMP or HTTP."""
    origin = t.server("origin", top.conf("", listen="127.0.0.1:$rtmp 127.0.0.1:$plain", http=True),
                      values={"plain": free_port()})
    for n, (first, kind) in enumerate((("url", "rtmp-play"), ("flv", "flv-play"))):
        port = origin.http if kind == "flv-play" else origin.rtmp
        edge = top.start_edge(t, f"127.0.0.1:{port}", name=f"edge{n}", more="follow_client on;")
        t.publish(origin.url(f"live/x{n}"))
        t.probe(getattr(edge, first)(f"live/x{n}")).wait_frames(20, 8)
        fetched = [c for c in origin.clients() if not c["publish"] and c["url"].startswith(f"/live/x{n}")]
        assert [c["type"] for c in fetched] == [kind], fetched


def test_protocol_flv_origin_killed(t):
    """The switch works over HTTP-FLV too: no frame twice, time never back."""
    origins = [t.server(n, top.local()) for n in "ab"]
    edge = top.start_flv_edge(t, *origins)
    feed = Feed(t.media(gop=1.0))
    for o in origins:
        t.keep(Lane(o.url("live/x"), feed)).start()
    beat = t.keep(Beat())
    p = t.probe(edge.flv("live/x"), keep=False).wait_frames(60, 10)
    victim = next(o for o in origins if used(edge) == o.http_address)
    victim.kill9()
    p.wait_frames(80, 10, after=time.monotonic())
    record = Record(p, [feed])
    holes, gap = record.check_order(), record.gap_ms(0, time.monotonic())
    assert sum(n for _, n in holes) < 30 and gap < 700 * SCALE + beat.worst_ms, (holes, gap, beat.worst_ms)
    assert not p.ended


def test_protocol_flv_circle(t):
    """A circle of edges is found over HTTP too."""
    ports = [free_port(), free_port()]
    edges = [top.start_flv_edge(t, f"127.0.0.1:{ports[1 - i]}", name=f"e{i}", values={"http": ports[i]})
             for i in (0, 1)]
    assert refused_play(t, edges[0])
    edges[0].wait_log("circle")


# ---- rhythm, viewers that are not there, what can be seen ----

def slow_media(t, step_ms):
    """Every so often a key frame, nothing else."""
    media = flv.read_file(t.media())
    heads = [m for m in media if rtmp.is_header(m) and m.type == VIDEO]
    keys = [m for m in media if rtmp.is_keyframe(m)]
    return heads + [Message(VIDEO, n * step_ms, 1, keys[n % len(keys)].payload) for n in range(1000)]


@calm
def test_one_frame_in_five_seconds_is_not_dead(t):
    """A stream of one frame in five seconds is followed without a single switch."""
    origins = [t.server(n, top.local()) for n in "ab"]
    edge = top.start_edge(t, *origins)
    media = slow_media(t, 5000)
    for o in origins:
        t.publish(o.url("live/x"), media)
    p = t.probe(edge.url("live/x"))
    p.wait_frames(5, 30)
    assert not p.ended and edge.stream("x")["relay"]["switches"] == 0, edge.stream("x")


def test_frozen_viewer_does_not_keep_a_pull(t):
    """A viewer that takes nothing is noticed within stalled_timeout, and the pull ends behind it."""
    origin = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, origin, more="linger 1;", play="stalled_timeout 2; queue_length 30;")
    t.publish(origin.url("live/x"), t.media(rate="3000k", size="640x360"))
    p = t.probe(edge.url("live/x"), keep=False, rcvbuf=4096).wait_frames(5)
    p.stop_reading()
    began = time.monotonic()
    wait_for(lambda: not origin.source("/live/x").consumers, 30, "the end of the pull")
    assert time.monotonic() - began < 20 * SCALE


def test_facts_and_one_line_per_switch(t):
    """The API tells where a stream comes from, since when, how often and why it switched; the log has one line."""
    origins = [t.server(n, top.local()) for n in "ab"]
    edge = top.start_edge(t, *origins)
    for o in origins:
        t.publish(o.url("live/x"), mark=True)
    before = time.time() * 1000
    p = t.probe(edge.url("live/x"), keep=False).wait_frames(20)
    relay = edge.stream("x")["relay"]
    assert relay["kind"] == "pull" and relay["switches"] == 0 and before - 1000 < relay["since"] < before + 5000, relay
    victim = next(o for o in origins if used(edge) == o.address)
    victim.kill9()
    wait_for(lambda: edge.stream("x")["relay"]["switches"] == 1, 5, "the switch")
    relay = edge.stream("x")["relay"]
    assert relay["reason"] and relay["peer"] != victim.address, relay
    p.wait_frames(20, 5, after=time.monotonic())
    with open(f"{edge.folder}/edge.log") as f:
        text = f.read()
    assert len(re.findall("switched from", text)) == 1, text
    encoder = t.publish(edge.url("live/y"))
    relay = wait_for(lambda: (edge.stream("y") or {}).get("relay"), 3, "the facts of the push")
    assert relay["kind"] == "push" and relay["peer"], relay
    encoder.stop()


def test_relays_limits_servers_over_http(t):
    """cluster.relays also limits servers that pull over HTTP-FLV; players come from anywhere."""
    origin = t.server("origin", top.conf("cluster { relays 192.0.2.0/24; }"))
    t.publish(origin.url("live/x"))
    edge = top.start_flv_edge(t, origin)
    assert refused_play(t, edge)
    t.probe(origin.flv("live/x")).wait_frames(5)
