"""Segments of servers that have a stream from one another: they are cut by the encoder's own times, which relays carry
beside those of the stream, so that a cache in front may take any of them."""
import topology as top
from support import flv, hls
from test_hls import BLOCK, LONG, follow, start, url

FRAGMENTS = 4


def vhost(more=""):
    return top.conf(BLOCK.format(window=LONG, more="") + more)


def assert_same(followers, least):
    common = set(followers[0].bytes) & set(followers[1].bytes)
    assert len(common) >= least, [sorted(f.bytes) for f in followers]
    for number in common:
        one, two = (f.segments[number] for f in followers)
        assert (one.uri, one.is_break) == (two.uri, two.is_break), number
        assert followers[0].bytes[number] == followers[1].bytes[number], number


def publish_and_compare(t, here, there, starts, watch=lambda: None):
    """Publishes runs of an encoder at `here`, and compares what both servers make of them."""
    media = flv.read_file(t.media(8, gop=1.0))
    followers = None
    for n, start_ts in enumerate(starts):
        p = t.publish(here.url("live/a"), media, speed=4, burst=1000, start_ts=start_ts)
        watch()
        there.wait_live("a")
        followers = followers or [follow(t, s) for s in (here, there)]
        for s in (here, there):
            hls.wait_list(url(s), FRAGMENTS * (n + 1))
        p.stop()
    for f in followers:
        f.stop()
    assert_same(followers, FRAGMENTS * len(starts) - 1)


def test_behind_a_forward(t):
    """An encoder whose times begin at four billion, and which comes back with others: the server that the stream is
    forwarded to makes the same segments."""
    there = start(t, name="there")
    here = t.server("here", vhost(f"forward {{ enabled on; destination {there.address}; }}"))
    publish_and_compare(t, here, there, [4000000000, 123456])


def test_behind_a_relay(t):
    """The same of an origin that fetches the stream from a coworker, for a player of its own."""
    here = t.server("here", vhost())
    there = t.server("there", vhost(f"cluster {{ mode local; origin_cluster on; coworkers {here.api_address}; on_miss relay; }}"))
    publish_and_compare(t, here, there, [4000000000], watch=lambda: t.probe(there.url("live/a")))
