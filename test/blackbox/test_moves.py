"""Streams that go from one origin to another with key frames close together, so that one nearly always comes while they
are on their way: viewers behind edges lack no frame and get none twice, whatever made the stream go."""
import signal

import topology as top
from support.case import limit
from support.chaos import Feed, Lane, Record, used
from support.flv import read_file
from support.server import wait_for
from test_upgrade import Generations

STREAMS = 6
GOP = 0.08                      # seconds: two pictures
YOUNG = 5                       # likewise, SOURCE_YOUNG_MS of live/source.h
QUICK = "grace_start_wait 10; grace_final_wait 10;"


class Streams:
    """Encoders at one edge, which pushes to the first origin, and a viewer of each behind another edge."""

    def __init__(self, t, first, *others, protocol="rtmp"):
        edge = top.start_edge(t, first, name="in", api=True)
        media = read_file(t.media(20, gop=GOP))
        self.publishers = [t.publish(edge.url(f"live/s{n}"), media, mark=True) for n in range(STREAMS)]
        for n in range(STREAMS):
            first.wait_live(f"s{n}")
        if others:              # pushes began at the first
            origins = " ".join(o.address for o in (first, *others))
            edge.write_conf(edge.conf.replace(f"origin {first.address}", f"origin {origins}"))
            edge.signal(signal.SIGHUP)
            edge.wait_log("the new configuration is in use")
        self.port = "http" if protocol == "flv" else "rtmp"
        self.out = top.start_edge(t, *map(self.address, (first, *others)), name="out", more=f"protocol {protocol};")
        self.probes = [t.probe(self.out.url(f"live/s{n}")) for n in range(STREAMS)]
        self.origin = first
        for probe in self.probes:
            probe.wait_frames(20)

    def address(self, origin):
        return f"127.0.0.1:{getattr(origin, self.port)}"

    def wait_moved(self, to):
        """Until viewers have frames that came by that origin."""
        for n in range(STREAMS):
            to.wait_live(f"s{n}", 10)
        wait_for(lambda: all(used(self.out, f"s{n}") == self.address(to) for n in range(STREAMS)), 10, "the pulls' move")
        counts = [len(p.messages) for p in self.probes]
        for probe, count in zip(self.probes, counts):
            probe.wait_frames(count + 60, 10)

    def judge(self):
        assert all(p.ended is None for p in self.publishers)
        for probe, publisher in zip(self.probes, self.publishers):
            probe.stop()
            missing = probe.missing(publisher.sent)
            assert not missing, (probe.url, len(missing), missing[:5], self.out.tail())
            assert not probe.backwards() and not probe.repeats(), probe.url


def drained(t, **kw):
    a, b = top.start_origins(t, top=QUICK)
    streams = Streams(t, a, b, **kw)
    a.json("/api/v1/drain", "POST")
    streams.wait_moved(b)
    assert a.wait(15) == 0, a.tail()
    a.stopped = True
    streams.judge()


@limit(60)
def test_a_drain(t):
    """The origin to which an edge pushes is drained, and an edge pulls from it."""
    drained(t)


@limit(60)
def test_a_drain_and_pulls_over_http_flv(t):
    """The same, and the viewers' edge pulls over HTTP-FLV."""
    drained(t, protocol="flv")


def killed(t, **kw):
    a, b = top.start_origins(t)
    streams = Streams(t, a, b, **kw)
    a.kill9()
    streams.wait_moved(b)
    streams.judge()


@limit(60)
def test_an_origin_that_dies(t):
    """The origin is killed."""
    killed(t)


@limit(60)
def test_an_origin_that_dies_and_pulls_over_http_flv(t):
    """The same, and the viewers' edge pulls over HTTP-FLV."""
    killed(t, protocol="flv")


@limit(60)
def test_an_origin_that_freezes(t):
    """The origin is stopped in the middle of it all: what it had read and not passed on comes by the other one."""
    a, b = top.start_origins(t)
    streams = Streams(t, a, b)
    a.freeze()
    try:
        streams.wait_moved(b)
        streams.judge()
    finally:
        a.thaw()


@limit(60)
def test_an_upgrade(t):
    """The origin is upgraded in place three times."""
    origin = t.server("origin", top.local(top="grace_final_wait 10;"))
    generations = Generations(t, origin)
    streams = Streams(t, origin)
    for _ in range(3):
        generations.upgrade()
        streams.wait_moved(origin)
    streams.judge()


@limit(60)
def test_an_encoder_of_two_origins(t):
    """An encoder publishes to two origins by itself, which keep some seconds for this (resume_window): one of them is stopped,
    and a viewer behind an edge lacks nothing either."""
    a, b = (t.server(name, top.local(play="resume_window 6;")) for name in ("a", "b"))
    feed = Feed(t.media(20, gop=GOP))
    for origin in (a, b):
        t.keep(Lane(origin.url("live/s0"), feed)).start()
        origin.wait_live("s0")
    edge = top.start_edge(t, a, b)
    probe = t.probe(edge.url("live/s0"), keep=False)
    probe.wait_frames(YOUNG * 80, 30)   # a longer time: until then each keeps its stream anyway
    victim, other = (a, b) if used(edge, "s0") == a.address else (b, a)
    count = len(probe.messages)
    victim.freeze()
    try:
        wait_for(lambda: used(edge, "s0") == other.address, 10, "the pull's move")
        probe.wait_frames(count + 100, 10)
    finally:
        victim.thaw()
    probe.stop()
    record = Record(probe, [feed])
    assert not record.check_order(), record.check_order()
