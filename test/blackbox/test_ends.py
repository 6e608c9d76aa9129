"""Ends of streams over several servers: deliberate ones, waits that do not add up, runs that begin anew."""
import os
import socket
import time

import topology as top
from support import SCALE
from support.server import wait_for


def kick(server, publish):
    client = next(c for c in server.clients() if c["publish"] == publish)
    assert server.json(f"/api/v1/clients/{client['id']}", method="DELETE")["code"] == 0


def test_kick_at_the_origin_ends_the_encoder_behind_an_edge(t):
    """A publisher that came through an edge and is kicked at the origin ends, is told so, and is not pushed again."""
    origin = t.server("origin", top.local(publish="reconnect_grace 0;"))
    edge = top.start_edge(t, origin)
    encoder = t.publish(edge.url("live/x"))
    origin.wait_live("x", 5)
    kick(origin, True)
    wait_for(lambda: encoder.ended, 5, "the end of the encoder's session")
    assert "NetStream.Publish.Denied" in encoder.codes, encoder.codes
    assert edge.log().count("pushing to") == 1, edge.log()
    assert not any(c["publish"] for c in origin.clients())


def test_kick_of_a_relay_ends_its_pull(t):
    """An edge's pull that is kicked at the origin ends for its players; it is not taken for a lost origin."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin)
    t.publish(origin.url("live/x"))
    p = t.probe(edge.url("live/x")).wait_frames(20)
    kick(origin, False)
    wait_for(lambda: p.ended, 5, "the end of the player")
    assert edge.log().count("pulling from") == 1, edge.log()


def test_kick_of_a_relay_over_http_flv_ends_its_pull(t):
    """The same of a pull over HTTP-FLV, which hears it behind the last chunk."""
    origin = t.server("origin", top.local())
    edge = top.start_flv_edge(t, origin)
    t.publish(origin.url("live/x"))
    p = t.probe(edge.url("live/x")).wait_frames(20)
    kick(origin, False)
    wait_for(lambda: p.ended, 5, "the end of the player")
    edge.wait_log("deliberately")
    assert edge.log().count("pulling from") == 1, edge.log()


def test_waits_do_not_add_up_over_levels(t):
    """The end of a stream is told behind three edges in a row after about one upstream_timeout, not after three."""
    timeout = 3
    origin = t.server("origin", top.local(publish="reconnect_grace 0;"))
    edges = [origin]
    for n in range(3):
        edges.append(top.start_edge(t, edges[-1], name=f"edge{n}", more=f"upstream_timeout {timeout};"))
    publisher = t.publish(origin.url("live/x"))
    probes = [t.probe(e.url("live/x")).wait_frames(20, 8) for e in edges[1:]]
    publisher.stop()
    stopped = time.monotonic()
    wait_for(lambda: all(p.ended for p in probes), 3 * timeout, "the end at all levels")
    assert time.monotonic() - stopped < (timeout + 2.5) * max(1, SCALE / 2), time.monotonic() - stopped


def test_who_joins_in_a_gap_waits_no_longer_than_the_others(t):
    """An edge that asks for a stream which its origin has lost before is told since when, and gives up with it."""
    timeout = 4
    origin = t.server("origin", top.local(publish="reconnect_grace 0;"))
    middle = top.start_edge(t, origin, name="middle", more=f"upstream_timeout {timeout};")
    last = top.start_edge(t, middle, name="last", more=f"upstream_timeout {timeout};")
    publisher = t.publish(origin.url("live/x"))
    early = t.probe(middle.url("live/x")).wait_frames(20, 8)
    publisher.stop()
    stopped = time.monotonic()
    wait_for(lambda: any(s["relay"]["lost_ms"] > 1500 for s in middle.streams() if "relay" in s), 5, "a loss that is old")
    late = t.probe(last.url("live/x"))
    wait_for(lambda: early.ended and late.ended, 2 * timeout + 2, "the end of both")
    assert time.monotonic() - stopped < (timeout + 2) * max(1, SCALE / 2), time.monotonic() - stopped


def test_names_of_strangers_do_not_fill_the_origin(t):
    """A stranger that plays random names at an edge, one after the other, leaves nothing behind at the origin."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin)
    t.publish(origin.url("live/good"))
    origin.wait_live("good", 5)

    def held():
        return len(os.listdir(f"/proc/{origin.pid}/fd"))
    before = peak = held()
    for n in range(300):
        with socket.create_connection(("127.0.0.1", edge.http), 2) as s:
            s.sendall(b"GET /live/%s.flv HTTP/1.1\r\nHost: x\r\n\r\n" % os.urandom(8).hex().encode())
        if n % 20 == 0:
            peak = max(peak, held())
    t.probe(edge.url("live/good")).wait_frames(10, 5)
    assert peak < before + 150, (before, peak)
    wait_for(lambda: held() < before + 10, 2, "an origin without what the stranger began")
    assert len([line for line in edge.log().splitlines() if "] /live/" in line]) < 60, "lines for each of them"


def test_a_run_that_begins_anew_is_not_the_one_before(t):
    """A file that is published again within a second is shown at an edge at once: it is not compared with its last run."""
    origin = t.server("origin", top.local(publish="reconnect_grace 0;"))
    edge = top.start_edge(t, origin)
    first = t.publish(origin.url("live/x"))
    p = t.probe(edge.url("live/x")).wait_frames(60, 8)
    first.stop()
    back = time.monotonic()
    t.publish(origin.url("live/x"))
    p.wait_frames(10, 5, after=back)
    waited = time.monotonic() - back
    assert not p.ended and waited < 1.8 * max(1, SCALE / 2), waited
    edge.wait_log("begun anew")
