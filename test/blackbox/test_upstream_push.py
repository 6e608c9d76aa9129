"""Streams that an edge pushes on: origins that come back, are busy, or redirect."""
import time

import topology as top
from support import SCALE, rtmp
from support.chaos import Feed, Lane, Record, used
from support.rtmp import VIDEO, Refused
from support.converse import converse, redirect
from support.server import wait_for


def test_push_waits_for_origins_that_come_back(t):
    """With all origins gone for a while, the encoder stays and local viewers have no gap; then the push goes on."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin)
    feed = Feed(t.media(gop=1.0))
    encoder = t.keep(Lane(edge.url("live/x"), feed)).start()
    p = t.probe(edge.url("live/x"), keep=False).wait_frames(20, 8)
    origin.kill9()
    wait_for(lambda: (edge.stream("x") or {}).get("relay", {}).get("rounds_in_vain", 0) >= 5, 20, "several rounds in vain")
    origin.start()
    origin.wait_live("x", 10)
    assert not encoder.losses and not p.ended
    assert Record(p, [feed]).gap_ms(0, time.monotonic()) < 1500 * SCALE
    q = t.probe(origin.url("live/x"), keep=False).wait_frames(10, 5)
    assert rtmp.is_keyframe(next(m for m in q.frames(VIDEO)))


def test_push_ends_after_upstream_timeout(t):
    """When no origin comes back in upstream_timeout the encoder is told; local viewers get what is left."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin, more="upstream_timeout 2;")
    publisher = t.publish(edge.url("live/x"))
    t.probe(edge.url("live/x")).wait_frames(10)
    origin.kill9()
    wait_for(lambda: publisher.ended, 8, "the end of the encoder's session")
    assert "NetStream.Publish.Failed" in publisher.codes, publisher.codes


def test_push_passes_over_a_busy_origin(t):
    """After a switch an origin that has the stream already (of an older publisher) is passed over."""
    origins = [t.server(n, top.local()) for n in "abc"]
    edge = top.start_edge(t, *origins)
    encoder = t.publish(edge.url("live/x"))
    first = next(o for o in origins if used(edge) == o.address)
    busy, free = [o for o in origins if o is not first]
    t.publish(busy.url("live/x"))
    first.kill9()
    wait_for(lambda: used(edge) == free.address, 6, "the free origin")
    assert not encoder.ended


def test_push_follows_redirects(t):
    """An origin that redirects a push is followed; in a circle it is left after a bounded number."""
    origin = t.server("origin", top.local())
    count = []

    def hop(sock, to):
        def send_away(conn, _):
            count.append(to())
            return redirect(conn, to())
        converse(sock, publish=send_away)
    good = t.listen(lambda s: hop(s, lambda: origin.rtmp))
    edge = top.start_edge(t, good)
    t.publish(edge.url("live/x"))
    origin.wait_live("x")
    a = t.listen(lambda s: hop(s, lambda: b.port))
    b = t.listen(lambda s: hop(s, lambda: a.port))
    count.clear()
    other = top.start_edge(t, a, name="other", more="upstream_start_timeout 1;")
    try:
        t.publish(other.url("live/x"), timeout=8)
        raise AssertionError("published into a circle of redirects")
    except Refused as e:
        assert e.info["description"], e
    assert len(count) < 200, len(count)
