"""Mixed clusters: a peer that speaks as SRS 4 to 6 do stands in for SRS in every role."""

import topology as top
from support import SCALE, flv, rtmp
from support.server import free_port, wait_for


def coworkers(t):
    """An origin of ours and one of SRS that are each other's coworkers, and the port of the latter's API."""
    api = free_port()
    ours = top.start_clustered(t, f"127.0.0.1:{api}", name="ours")
    return ours, t.srs(api_port=api, origin_cluster=True, coworkers=[ours.api_address]), api


def test_srs_as_coworker_that_has_the_stream(t):
    """Our origin asks an SRS coworker as SRS does and redirects its player there."""
    ours, srs, api = coworkers(t)
    t.publish(srs.url("live/x"))
    c = t.client(ours.url("live/x")).connect()
    c.play()
    ex = c.wait_status("NetConnection.Connect.Rejected").info["ex"]
    assert ex["redirect2"] == f"rtmp://127.0.0.1:{srs.port}/live/x", ex
    q = srs.queries[-1]
    assert q["path"] == "/api/v1/clusters" and q["query"] == {
        "vhost": "__defaultVhost__", "ip": "127.0.0.1", "app": "live", "stream": "x", "coworker": f"127.0.0.1:{api}"}, q
    assert q["body"] == b"" and q["headers"]["host"] == f"127.0.0.1:{api}", q


def test_srs_as_coworker_that_asks(t):
    """An SRS origin asks ours and redirects its player to the stream here."""
    ours, srs, _ = coworkers(t)
    t.publish(ours.url("live/x"))
    c = t.client(srs.url("live/x")).connect()
    c.play()
    ex = c.wait_status("NetConnection.Connect.Rejected").info["ex"]
    assert ex["redirect"] == f"rtmp://127.0.0.1:{ours.rtmp}/live"


def test_srs_as_edge_of_our_cluster(t):
    """An SRS edge follows the 302 of our origin A to B and has the packets, bit for bit."""
    seed = top.Seed(t, edge=False)
    srs = t.srs(mode="remote", origins=[seed.a.address, seed.b.address])
    publisher = t.publish(seed.b.url("live/x"))
    publisher.wait_sent(40)
    p = t.probe(srs.url("live/x")).wait_frames(60, 8)
    assert p.first_frame_ms < 2000 * SCALE, "it took another round of the edge"
    flv.assert_same(publisher.sent, list(p.messages), least=50)


def test_srs_as_edge_that_pushes(t):
    """A stream published to an SRS edge arrives at our origin, bit for bit."""
    ours = t.server("ours", top.local())
    srs = t.srs(mode="remote", origins=[ours.address])
    publisher = t.publish(srs.url("live/x"))
    ours.wait_live("x")
    p = t.probe(ours.url("live/x")).wait_frames(40, 8)
    flv.assert_same(publisher.sent, list(p.messages), least=30)


def test_srs_as_origins_of_our_edge(t):
    """Our edge follows the 302 of an SRS origin, which comes after Play.Start, to the other SRS origin."""
    apis = free_port(), free_port()
    a = t.srs(api_port=apis[0], origin_cluster=True, coworkers=[f"127.0.0.1:{apis[1]}"])
    b = t.srs(api_port=apis[1], origin_cluster=True, coworkers=[f"127.0.0.1:{apis[0]}"])
    edge = top.start_edge(t, a, b)
    for n in range(4):
        origin = (a, b)[n % 2]
        publisher = t.publish(origin.url(f"live/s{n}"))
        publisher.wait_sent(40)
        for url in (edge.url(f"live/s{n}"), edge.flv(f"live/s{n}")):
            p = t.probe(url).wait_frames(40, 8)
            flv.assert_same(publisher.sent, list(p.messages), least=30)


def test_srs_cluster_origins_without_the_stream(t):
    """SRS origins that close after Play.Start because nobody has the stream: our player hears StreamNotFound."""
    apis = free_port(), free_port()
    a = t.srs(api_port=apis[0], origin_cluster=True, coworkers=[f"127.0.0.1:{apis[1]}"])
    b = t.srs(api_port=apis[1], origin_cluster=True, coworkers=[f"127.0.0.1:{apis[0]}"])
    edge = top.start_edge(t, a, b)
    c = t.client(edge.url("live/nobody"), timeout=8).connect()
    c.play()
    assert c.wait_status("NetStream.Play.StreamNotFound").info["level"] == "error"
    assert {p.stream for p in a.plays + b.plays} == {"nobody"} and a.plays and b.plays


def test_srs_origin_alone_that_waits(t):
    """An SRS origin on its own says Play.Start and nothing more: our edge's player waits, and plays when it starts."""
    srs = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, srs)
    player = t.probe(edge.url("live/x"))
    wait_for(lambda: srs.plays, 5, "the pull")
    publisher = t.publish(srs.url("live/x"))
    player.wait_frames(40, 10)
    flv.assert_same(publisher.sent, list(player.messages), least=30)


def test_our_edge_pushes_to_srs(t):
    """A stream published to our edge arrives at an SRS origin, bit for bit."""
    srs = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, srs)
    publisher = t.publish(edge.url("live/x"))
    wait_for(lambda: srs.live("/live/x"), 5, "the push")
    p = t.probe(srs.url("live/x")).wait_frames(40, 8)
    flv.assert_same(publisher.sent, list(p.messages), least=30)
    publisher.stop()
    wait_for(lambda: not srs.live("/live/x"), 5, "the end of the push")


def test_srs_origin_that_refuses_a_push_closes(t):
    """An SRS origin refuses a busy stream by a bare close: the encoder at our edge hears an error all the same."""
    srs = t.srs(mw_latency=0.01, accept=lambda kind, target: kind != "publish")
    edge = top.start_edge(t, srs, more="upstream_start_timeout 2;")
    c = t.client(edge.url("live/x"), timeout=8).connect()
    try:
        c.publish()
        raise AssertionError("the edge accepted what its origin refused")
    except rtmp.Refused as e:
        assert e.info["level"] == "error" and e.info["description"], e


def test_edge_identity_is_read_by_nobody_else(t):
    """What our edge adds to its connect is ignored by SRS: unknown arguments disturb no dialogue."""
    srs = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, srs)
    t.publish(srs.url("live/x"))
    t.probe(edge.url("live/x")).wait_frames(10)
    names = set(srs.connects[-1]["object"])
    assert {"app", "tcUrl", "flashVer"} <= names and srs.connects[-1]["object"]["app"] == "live", names
