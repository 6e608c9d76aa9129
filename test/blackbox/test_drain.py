"""A server that is being drained: nobody new is let in, who understands it is moved, and it ends by itself."""
import signal
import time

import topology as top
from support import SCALE, httpc
from support.case import alone
from support.chaos import Numbers
from support.flv import read_file
from support.rtmp import Refused
from support.server import wait_for
from test_upgrade_load import BENCH, Load

QUICK = "grace_start_wait 10; grace_final_wait 10;"
RECONNECT = "NetConnection.Connect.ReconnectRequest"
STREAMS, WATCHED = 50, 10


def quick(**kw):
    return top.local(**kw).replace("daemon off;", "daemon off; " + QUICK)


def state_of(server):
    return server.json("/api/v1/drain")["data"]


def drain(server, query=""):
    return server.json("/api/v1/drain" + query, "POST")["data"]


def ready(server):
    return httpc.fetch(server.api_url("/readyz"))


def origins(t, **kw):
    return top.start_origins(t, top="grace_start_wait 10; grace_final_wait 10;", **kw)


@alone
def test_drained_origin_moves_streams_without_a_gap(t):
    """One of two origins is drained while edges push streams to it and pull them: no gap above 500 ms, not a frame is
    lost, and it ends by itself."""
    a, b = origins(t)
    # Pushes begin at a: b is not among the origins of the edge until all have.
    push_edge = top.start_edge(t, a, name="in", api=True)
    media = read_file(t.media(20))
    load = Load(t)
    load.start("unwatched", BENCH, "publish", push_edge.url("live/u%d"), STREAMS - WATCHED, "--kbps=200", "--gop=1")
    publishers = [t.publish(push_edge.url(f"live/s{n}"), media, mark=True) for n in range(WATCHED)]
    names = [f"s{n}" for n in range(WATCHED)] + [f"u{n}" for n in range(STREAMS - WATCHED)]
    for name in names:
        a.wait_live(name, 20)
    push_edge.write_conf(push_edge.conf.replace(f"origin {a.address}", f"origin {a.address} {b.address}"))
    push_edge.signal(signal.SIGHUP)
    push_edge.wait_log("the new configuration is in use")
    pull_edge = top.start_edge(t, a, b, name="out")
    probes = [t.probe(pull_edge.url(f"live/s{n}")) for n in range(WATCHED)]
    local = t.probe(push_edge.url("live/s0"))
    for p in probes + [local]:
        p.wait_frames(10)
    began = time.monotonic()
    drain(a)
    assert a.wait(15) == 0, a.tail()
    a.stopped = True
    numbers = t.keep(Numbers(t, f"one of two origins is drained, {STREAMS} streams through edges", "gaps < 500 ms, ends at 0"))
    numbers.add("until it has ended, ms", (time.monotonic() - began) * 1000)
    for name in names:
        b.wait_live(name, 20)
    after = time.monotonic()
    for p in probes + [local]:
        p.wait_frames(30, after=after)
        numbers.add("gap of a viewer", p.largest_gap_ms(after=began))
        assert p.largest_gap_ms(after=began) < 500 * SCALE, p.gaps(after=began)[:3]
        p.stop()
    assert all(p.ended is None for p in publishers)
    r = load.report("unwatched")
    assert r["running"] == r["count"] and not r["failures"] and not r["disconnects"], r
    for p, publisher in zip(probes, publishers):
        assert not p.missing(publisher.sent), (p.url, p.missing(publisher.sent)[:5])
        assert not p.backwards()
    push_edge.wait_log("asks to be left")


def test_readiness_and_health(t):
    """/readyz says no as soon as the drain is announced, /healthz stays good; both on each HTTP port, without a password."""
    s = t.server("srs", quick().replace("grace_start_wait 10", "grace_start_wait 60000"))
    for port_url in (s.api_url, s.web):
        assert httpc.fetch(port_url("/healthz")).status == 200
        assert httpc.fetch(port_url("/readyz")).status == 200
    assert state_of(s)["state"] == "off"
    assert drain(s)["state"] == "announced"
    answer = ready(s)
    assert answer.status == 503 and b"[-] not draining" in answer.content, answer.content
    assert httpc.fetch(s.api_url("/healthz")).status == 200
    # Until the balancers have noticed, clients are let in.
    t.publish(s.url("live/x"))
    s.wait_live("x")
    assert s.json("/api/v1/drain", "DELETE")["data"]["state"] == "off"
    assert ready(s).status == 200


def test_newcomers_go_to_a_coworker(t):
    """While an origin is drained, new publishers and players are redirected to a coworker; the streams that are here
    reach them through it."""
    a, b = origins(t)
    t.publish(a.url("live/old"))
    stays = t.probe(a.url("live/old")).wait_frames(5)
    drain(a)
    wait_for(lambda: state_of(a)["state"] == "on", 5, "the drain")
    try:
        t.publish(a.url("live/new"))
    except Refused as e:
        assert b.address in str(vars(e)) or "302" in str(e), vars(e)
    else:
        raise AssertionError("the publisher was let in")
    answer = httpc.fetch(a.flv("live/old"))
    assert answer.status == 302 and answer.headers["location"] == b.flv("live/old"), answer.headers
    t.probe(b.flv("live/old")).wait_frames(5)
    # Another server may still fetch what is here.
    edge = top.start_edge(t, a)
    t.probe(edge.url("live/old")).wait_frames(5)
    assert state_of(a)["publishers"] == 1 and not stays.ended


def test_a_client_that_leaves_while_a_place_is_looked_for(t):
    """A coworker is asked where clients can go and says nothing for a while; those in whose names it may be asked leave
    meanwhile. The others are asked to leave, and the server ends by itself."""
    silent = t.listen()
    a = t.server("a", quick(cluster=f"mode local; origin_cluster on; coworkers {silent.address}; query_timeout 1500;"))
    publisher = t.publish(a.url("live/x"))
    players = [t.probe(a.url("live/x")) for _ in range(3)]
    for p in players:
        p.wait_frames(5)
    drain(a, "?timeout=4")
    wait_for(lambda: silent.conns, 5, "a question to the coworker")
    for client in (publisher, *players[:2]):
        client.stop()
    a.wait_log("clients were asked to connect anew", 10)
    assert a.wait(15) == 0, a.tail()
    a.stopped = True


def test_newcomers_without_a_coworker_are_told_to_come_later(t):
    """A drained server on its own answers 503 with Retry-After, and Rejected over RTMP."""
    s = t.server("srs", quick())
    t.publish(s.url("live/x"))
    s.wait_live("x")
    drain(s)
    wait_for(lambda: state_of(s)["state"] == "on", 5, "the drain")
    answer = httpc.fetch(s.flv("live/x"))
    assert answer.status == 503 and answer.headers["retry-after"], answer.headers
    probe = t.probe(s.url("live/x"))
    probe.wait_ended()
    assert "NetConnection.Connect.Rejected" in probe.codes, probe


def test_clients_that_understand_it_are_asked_to_reconnect(t):
    """An encoder that announces it hears ReconnectRequest with the URL of a coworker, goes there while it still
    publishes here, and the origin ends when it has left; another encoder hears nothing."""
    a, b = origins(t)
    caps = {"capsEx": 1.0}
    able, plain = t.publish(a.url("live/able"), connect=caps), t.publish(a.url("live/plain"))
    a.wait_live("able")
    a.wait_live("plain")
    drain(a)
    wait_for(lambda: RECONNECT in able.codes, 5, "the request")
    request = next(s for s in able.statuses if s.code == RECONNECT)
    assert request.info["tcUrl"] == f"rtmp://{b.address}/live", request.info
    moved = t.publish(b.url("live/able"), connect=caps)
    b.wait_live("able")
    able.stop()
    assert RECONNECT not in plain.codes and plain.ended is None
    assert state_of(a)["publishers"] == 1
    plain.stop()
    assert a.wait(10) == 0
    a.stopped = True
    assert moved.ended is None


def test_the_limit_ends_who_is_left(t):
    """At drain_timeout those who are left are ended, the API having said how long they have; a kick works until then."""
    s = t.server("srs", quick(top="drain_timeout 2;"))
    t.publish(s.url("live/x"))
    probe = t.probe(s.url("live/x")).wait_frames(5)
    s.signal(signal.SIGQUIT)
    wait_for(lambda: state_of(s)["state"] == "on", 5, "the drain")
    assert 0 < state_of(s)["left_ms"] <= 2000
    player = next(c for c in s.clients() if not c["publish"])
    assert s.json(f"/api/v1/clients/{player['id']}", "DELETE")["code"] == 0
    probe.wait_ended()
    assert s.wait(10) == 0
    s.stopped = True
    assert "the limit has come, 1 clients are ended" in s.log()


def test_a_drain_that_is_called_off(t):
    """DELETE lets clients in again; shared ports are listened on again."""
    origin = t.server("origin", quick())
    t.publish(origin.url("live/x"))
    edge = t.server("edge", top.edge(origin.address).replace("daemon off;", "daemon off; " + QUICK))
    stays = t.probe(edge.url("live/x")).wait_frames(5)
    drain(edge)
    edge.wait_log("no longer listening: RTMP")
    edge.json("/api/v1/drain", "DELETE")
    edge.wait_ready()
    t.probe(edge.url("live/x")).wait_frames(5)
    assert not stays.ended


def test_a_second_signal_ends_at_once(t):
    """QUIT waits for those who are left, TERM then does not; HUP and USR1 do what they always do meanwhile."""
    s = t.server("srs", quick())
    t.publish(s.url("live/x"))
    s.wait_live("x")
    s.signal(signal.SIGQUIT)
    wait_for(lambda: state_of(s)["state"] == "on", 5, "the drain")
    s.signal(signal.SIGHUP)
    s.wait_log("the new configuration is in use")
    assert state_of(s)["state"] == "on" and s.is_live("x")
    s.signal(signal.SIGTERM)
    assert s.wait(5) == 0
    s.stopped = True


def drain_one_of_two_edges(t, start_leaf):
    """An edge behind two others, of which the one that it has the stream from is drained: it goes to the other one, and its players
    by RTMP and HTTP-FLV see no gap above 500 ms and lose no frame. Gives that edge."""
    origin = t.server("origin", quick())
    publisher = t.publish(origin.url("live/x"), mark=True)
    mids = [t.server(f"mid{n}", top.edge(origin.address).replace("daemon off;", "daemon off; reuse_port off; " + QUICK))
            for n in range(2)]
    leaf = start_leaf(t, *mids, name="leaf")
    probes = [t.probe(url("live/x")).wait_frames(10) for url in (leaf.url, leaf.flv)]
    used = next(m for m in mids if m.clients())
    began = time.monotonic()
    drain(used)
    assert used.wait(10) == 0
    used.stopped = True
    for probe in probes:
        probe.wait_frames(20, after=time.monotonic())
        probe.stop()
        assert probe.largest_gap_ms(after=began) < 500 * SCALE, probe.gaps(after=began)[:3]
        assert not probe.missing(publisher.sent) and not probe.backwards()
    return leaf


@alone
def test_a_drained_edge_sends_its_edges_away(t):
    """Edges behind an edge that is drained go to another one without a lost frame."""
    drain_one_of_two_edges(t, top.start_edge)


@alone
def test_a_drained_edge_sends_edges_of_http_flv_away(t):
    """An edge that pulls over HTTP-FLV is told behind the last chunk that the server works on and is to be left: it goes to
    another one without a lost frame."""
    leaf = drain_one_of_two_edges(t, top.start_flv_edge)
    leaf.wait_log("the server asks to be left")


@alone
def test_edges_of_http_flv_follow_a_stream_that_is_moved(t):
    """An origin is drained whose stream one edge pushes and another pulls over HTTP-FLV: both go to the other origin, and a viewer
    sees no gap above 500 ms and loses no frame."""
    a, b = origins(t)
    push_edge = top.start_edge(t, a, name="in")
    publisher = t.publish(push_edge.url("live/x"), mark=True)
    a.wait_live("x")
    push_edge.write_conf(push_edge.conf.replace(f"origin {a.address}", f"origin {a.address} {b.address}"))
    push_edge.signal(signal.SIGHUP)
    push_edge.wait_log("the new configuration is in use")
    pull_edge = top.start_flv_edge(t, a, b, name="out")
    probe = t.probe(pull_edge.flv("live/x")).wait_frames(10)
    began = time.monotonic()
    drain(a)
    assert a.wait(10) == 0
    a.stopped = True
    probe.wait_frames(20, after=time.monotonic())
    probe.stop()
    assert probe.largest_gap_ms(after=began) < 500 * SCALE, probe.gaps(after=began)[:3]
    assert not probe.missing(publisher.sent) and not probe.backwards()


def test_players_of_http_flv_are_ended_one_after_the_other(t):
    """Players that know no words for it stay until the last quarter of the limit, in which they are ended one by one, each behind a whole
    tag and with the end that HTTP has; the encoder stays to the end."""
    s = t.server("srs", quick(top="drain_timeout 4;"))
    publisher = t.publish(s.url("live/x"))
    probes = [t.probe(s.flv("live/x")) for _ in range(12)]
    for p in probes:
        p.wait_frames(5)
    began = time.monotonic()
    drain(s)
    for p in probes:
        p.wait_ended(10)
    ends = sorted(p.ended_at - began for p in probes)
    assert ends[0] > 2.5 and ends[-1] < 4.5 * SCALE and ends[8] - ends[2] > 0.3, ends
    assert all(p.clean for p in probes), [(p.ended, p.clean) for p in probes]
    assert s.wait(10) == 0
    s.stopped = True
    wait_for(lambda: publisher.ended_at, 5, "the end of the encoder")
    assert publisher.ended_at - began > 3.5
