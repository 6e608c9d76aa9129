"""Limits of one stream: its players, and how much its publisher may send."""
import topology as top
from support.case import calm
from support.server import wait_for


def test_players_of_a_stream(t):
    """A stream has at most so many players, over RTMP and HTTP-FLV together; other streams have theirs, and a place
    that is left can be taken."""
    s = t.server("s", top.local(play="max_players 2;"))
    for name in ("x", "y"):
        t.publish(s.url(f"live/{name}"))
    first, second = t.probe(s.url("live/x")), t.probe(s.flv("live/x"))
    for p in (first, second):
        p.wait_frames(3)
    refused = t.probe(s.flv("live/x"))
    refused.wait(lambda p: p.ended, 5)
    assert refused.status == 503, (refused.status, refused.ended)
    over_rtmp = t.probe(s.url("live/x"))
    over_rtmp.wait(lambda p: p.ended, 5)
    s.wait_log(r"as many as it may \(max_players\)")
    t.probe(s.url("live/y")).wait_frames(3)
    first.stop()
    wait_for(lambda: len([c for c in s.clients() if not c["publish"]]) == 2, what="a free place")
    t.probe(s.url("live/x")).wait_frames(3)
    assert not second.ended


@calm
def test_a_publisher_that_sends_too_much(t):
    """A publisher above max_bitrate is warned of, and ended with a reason when it goes on; one below is not."""
    s = t.server("s", top.local(publish="max_bitrate 2000;"))
    calm = t.publish(s.url("live/calm"))
    wild = t.publish(s.url("live/wild"), speed=20)
    s.wait_log(r"/live/wild: the publisher sends \d+ kb/s, max_bitrate is 2000", 10)
    assert not wild.ended
    wait_for(lambda: wild.ended, 15, "the end of the publisher that sends too much")
    s.wait_log(r"the publisher sends \d+ kb/s, 2000 are allowed \(max_bitrate\)")
    assert "NetStream.Publish.Denied" in str(wild.codes), wild.codes
    assert not calm.ended
