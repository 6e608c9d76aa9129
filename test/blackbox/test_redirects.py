"""An origin that lacks the stream: redirects over every protocol, on_miss, and no circles."""
import topology as top
from cluster_client import NOT_FOUND, REDIRECT, RELAY, ask, code_of, path_of, whereabouts
from support import flv, httpc, rtmp
from support.case import calm
from support.rtmp import AUDIO, Message
from support.server import curl, free_port, wait_for


@calm
def test_http_flv_at_the_wrong_origin(t):
    """HTTP-FLV at an origin that lacks the stream is one 302, path and query kept, and then it plays."""
    a, b = top.start_origins(t)
    publisher = t.publish(b.url("live/x"), mark=True)
    publisher.wait_sent(30)
    _, head, _ = curl(a.flv("live/x") + "?k=v&w=1", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    assert head.decode() == f"302 http://127.0.0.1:{b.http}/live/x.flv?k=v&w=1", head
    _, hops, _ = curl(a.flv("live/x"), "-L", "-o", "/dev/null", "-w", "%{num_redirects} %{http_code}", seconds=2)
    assert hops == b"1 200", hops
    _, body, _ = curl(a.flv("live/x"), "-L", seconds=3)
    flv.assert_same(publisher.sent, flv.FlvReader().feed(body), least=50)
    flv.assert_same(publisher.sent, t.record(a.flv("live/x"), 2), by_type=True)


def test_http_flv_of_a_coworker_without_http(t):
    """A coworker that has no HTTP address is relayed."""
    srs = t.srs(api_port=free_port())
    publisher = t.publish(srs.url("live/x"))
    publisher.wait_sent(30)
    a = top.start_clustered(t, srs)
    probe = t.probe(a.flv("live/x")).wait_frames(60, 10)
    flv.assert_same(publisher.sent, list(probe.messages), least=50)
    assert len(srs.plays) == 1


# ---- on_miss ----

def test_auto_relays_to_ffmpeg(t):
    """ffmpeg over RTMP at the wrong origin plays with on_miss auto."""
    a, b = top.start_origins(t, more="on_miss auto;")
    publisher = t.publish(b.url("live/x"))
    publisher.wait_sent(30)
    flv.assert_same(publisher.sent, t.record(a.url("live/x"), 2), by_type=True, least=40)


def test_auto_redirects_edges(t):
    """With on_miss auto an edge is redirected, also while the stream is relayed to others."""
    a, b = top.start_origins(t, more="on_miss auto;")
    t.publish(b.url("live/x"))
    for _ in range(2):
        assert code_of(t, a.url("live/x"), RELAY) == REDIRECT
        assert httpc.fetch(a.flv("live/x")).status == 302       # every HTTP player follows
        t.probe(a.url("live/x")).wait_frames(5, 5)
    assert code_of(t, a.url("live/nobody")) == NOT_FOUND


def test_relay_relays_to_everybody(t):
    """With on_miss relay an edge and an HTTP player are served by the origin they asked."""
    a, b = top.start_origins(t, more="on_miss relay;")
    publisher = t.publish(b.url("live/x"))
    e = top.start_edge(t, a)
    probes = [t.probe(u).wait_frames(40, 10) for u in (e.url("live/x"), a.flv("live/x"), a.url("live/x"))]
    for p in probes:
        flv.assert_same(publisher.sent, list(p.messages), least=30)
    streams = b.json("/api/v1/streams")["streams"]
    assert [s["clients"] for s in streams if s["name"] == "x"] == [2], streams     # publisher and one relay


def test_each_vhost_has_its_on_miss(t):
    """One origin redirects the players of one vhost and relays to those of another."""
    srs = t.srs(api_port=free_port())
    cluster = "cluster { mode local; origin_cluster on; coworkers $other; %s }"
    a = t.server("a", top.conf(cluster % "") + "vhost relays { %s }" % (cluster % "on_miss relay;"),
                 values={"other": srs.api_address})
    for vhost, name in (("", "x"), ("?vhost=relays", "y")):
        t.publish(srs.url(f"live/{name}{vhost}"))
    assert code_of(t, a.url("live/x")) == REDIRECT
    t.probe(a.url("live/y?vhost=relays")).wait_frames(10, 5)


def test_a_relayed_stream_is_not_announced(t):
    """An origin that relays a stream from a coworker does not answer that it has it."""
    a, b = top.start_origins(t, more="on_miss relay;")
    t.publish(b.url("live/x"))
    t.probe(a.url("live/x")).wait_frames(5, 5)
    assert whereabouts(a) is None
    origin = whereabouts(b)
    assert origin["http"] == b.http_address and origin["since_ms"] > 1.6e12, origin


def test_a_relay_follows_the_stream(t):
    """When the stream moves to another origin, the players of a relay stay and go on."""
    a, b, c = top.start_origins(t, "abc", more="on_miss auto;")
    first = t.publish(b.url("live/x"), mark=True)
    probe = t.probe(a.url("live/x")).wait_frames(30, 5)
    first.stop()
    t.publish(c.url("live/x"), mark=True)
    count = len(probe.messages)
    wait_for(lambda: len(probe.messages) > count + 60, 10, "the stream from the third origin")
    assert not probe.ended, probe
    assert not probe.backwards()


def test_a_publisher_takes_over_from_a_relay(t):
    """A publisher that comes to an origin which relays its stream feeds the players that are there."""
    a, b = top.start_origins(t, more="on_miss auto;")
    first = t.publish(b.url("live/x"))
    probe = t.probe(a.url("live/x")).wait_frames(30, 5)
    first.stop()
    t.publish(a.url("live/x"))
    count = len(probe.messages)
    wait_for(lambda: len(probe.messages) > count + 60, 10, "the stream of the publisher here")
    assert not probe.ended


def test_a_relay_that_waits_does_not_throw_out_a_publisher(t):
    """A relay waits for the encoder of a coworker when another one comes to this origin: it stays when the first sends at last."""
    a, b = top.start_origins(t, more="on_miss relay; on_duplicate allow;")
    there = t.client(b.url("live/x"))
    there.connect()
    there.publish()
    player = t.probe(a.url("live/x"))
    wait_for(lambda: len(b.clients()) > 1, 5, "the relay")
    here = t.client(a.url("live/x"))
    here.connect()
    here.publish()
    frame, own = (b"\x2f" + text * 20 for text in (b"there", b"here"))
    there.send(Message(AUDIO, 0, there.sid, frame))
    wait_for(lambda: len(b.clients()) == 1, 5, "the end of the relay")
    here.send(Message(AUDIO, 0, here.sid, own))
    player.wait_frames(1, 5)
    assert [m.payload for m in player.frames()] == [own], player


def test_players_follow_a_publisher_that_moved(t):
    """With on_miss auto the RTMP players of an origin stay when its publisher comes back at another one; if not, they are told."""
    a, b = top.start_origins(t, more="on_miss auto; } publish { reconnect_grace 1; ")
    first = t.publish(a.url("live/x"), mark=True)
    probe, over_http = (t.probe(u).wait_frames(10) for u in (a.url("live/x"), a.flv("live/x")))
    first.stop()
    second = t.publish(b.url("live/x"))
    probe.wait(lambda p: any(p.messages[-1].payload == m.payload for m in second.sent[-100:]), 5, "the stream from there")
    over_http.wait_ended(3)         # it can follow a redirect
    assert not probe.ended and not probe.backwards(), probe
    second.stop()
    lonely = t.publish(a.url("live/z"))
    other = t.probe(a.url("live/z")).wait_frames(10)
    lonely.stop()
    other.wait_code("NetStream.Play.UnpublishNotify", 3)


# ---- redirect hygiene ----

def test_a_request_is_not_sent_back(t):
    """An edge that origin A has redirected to B is not sent back to A although the stream has moved there: B relays."""
    a, b = top.start_origins(t)
    publisher = t.publish(a.url("live/x"))
    publisher.wait_sent(20)
    args = dict(RELAY, srs_redirected=f",127.0.0.1:{a.rtmp}")
    assert code_of(t, b.url("live/x"), RELAY) == REDIRECT
    status, _, c = ask(t, b.url("live/x"), args)
    assert status.code.startswith("NetStream.Play."), status
    c.wait(lambda m: m.type == rtmp.VIDEO, 5)
    assert code_of(t, b.url("live/nobody"), args) == NOT_FOUND


def test_a_redirected_request_queries_again(t):
    """A request that was redirected here gets no remembered answer."""
    a, b = top.start_origins(t, more="query_cache_none 5000; query_cache 5000;")
    assert code_of(t, a.url("live/x"), RELAY) == NOT_FOUND
    t.publish(b.url("live/x"))
    assert code_of(t, a.url("live/x"), RELAY) == NOT_FOUND     # remembered
    assert code_of(t, a.url("live/x"), dict(RELAY, srs_redirected=",10.0.0.1:1935")) == REDIRECT


def test_a_stream_that_just_moved_is_found_by_an_edge(t):
    """A remembers that B has it; it moves to A's other coworker C: the edge gets it without a circle."""
    a, b, c = top.start_origins(t, "abc", more="query_cache 3000;")
    e = top.start_edge(t, a)
    first = t.publish(b.url("live/x"))
    assert code_of(t, a.url("live/x"), RELAY) == REDIRECT
    first.stop()
    t.publish(c.url("live/x"))
    t.probe(e.url("live/x")).wait_frames(10, 5)


def test_a_stream_that_just_moved_is_found_over_http(t):
    """The same for an HTTP player, which cannot say where it has been: two redirects at most, whichever way it moves."""
    servers = top.start_origins(t, "abc", more="query_cache 3000; query_cache_none 3000;")
    for publishes, asked in ((0, 1), (2, 0), (1, 2), (0, 2), (1, 0)):
        publisher = t.publish(servers[publishes].url("live/x"))
        publisher.wait_sent(10)
        for s in (servers[asked], *servers):
            path = [s.flv("live/x")]
            while (r := httpc.Response(path[-1])).status == 302:
                r.close()
                path.append(r.headers["location"])
                assert len(path) <= 3, path
            assert r.status == 200, (path, r.status)
            r.close()
        publisher.stop()


def test_a_path_through_this_server_is_refused(t):
    """A relay whose path contains this server, or too many servers, is told that it goes in a circle."""
    origin = t.srs()
    s = top.start_edge(t, origin, name="s", more="hop_limit 3;")
    t.publish(origin.url("live/x"))
    me = path_of(t, s, origin)
    for path in (f",abc{me}", me, f"{me},abc", ",a,b,c,d"):
        status, _, _ = ask(t, s.url("live/x"), dict(RELAY, srs_path=path))
        assert status.code == "NetStream.Play.Failed", (path, status)
    assert code_of(t, s.url("live/x"), dict(RELAY, srs_path=",a,b")).startswith("NetStream.Play.")
