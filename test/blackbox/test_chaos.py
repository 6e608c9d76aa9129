"""Origins and edges die, freeze and come back while viewers watch: each row of the table of
trunk/doc/chaos.md. `make chaos` runs it at full length."""
import random
import time

import topology as top
from support import SCALE, SHORT
from support.case import alone, calm, limit
from support.chaos import NETEM, Feed, Lane, Numbers, Record, network, own_network, rounds, used
from support.server import wait_for

GOP = 0.5 if SHORT else 1.0


def edge_of(t, *origins, name="edge", more="", play=""):
    return top.start_edge(t, *origins, name=name, more=more, play=play)


def viewers(t, edge, name="x"):
    """One by RTMP and one by HTTP-FLV, both with a picture."""
    out = [t.probe(url, keep=False) for url in (edge.url("live/" + name), edge.flv("live/" + name))]
    for p in out:
        p.wait_frames(30, 10)
    return out


def lane(t, url, feed, **kw):
    return t.keep(Lane(url, feed, **kw)).start()


def settle(seconds):
    """Lets the stream run: a span of the stream, not a wait for something."""
    time.sleep(seconds)


def recover(probes, since, feeds, seconds=10):
    """Until every viewer has pictures again that were sent after this moment."""
    def live(p):
        rows = Record(p, feeds).rows[-20:]
        return any(r[3] and r[3].due(r[4]) > since for r in rows)
    for p in probes:
        wait_for(lambda p=p: live(p), seconds, f"a live picture for {p}", every=0.05)


def still_there(probes):
    for p in probes:
        assert not p.ended, f"a viewer was disconnected: {p}"


def note_gaps(numbers, probes, feeds, calm, blow, bound, series="gap"):
    """The longest time without a picture since the blow, beyond what was usual in the calm before."""
    for p in probes:
        record = Record(p, feeds)
        usual = record.gap_ms(calm, blow)
        gap = max(0, record.gap_ms(blow, time.monotonic()) - usual)
        numbers.add(f"{series}, {'RTMP' if p.url.startswith('rtmp') else 'HTTP-FLV'}", gap, bound)


def blow_and_watch(t, origins, edge, feeds, lanes, strike, heal, numbers, bound, times):
    """Strikes the origin in use again and again. The longest time without a picture beyond what
    is usual counts. Returns the records and the moments of the blows."""
    probes = viewers(t, edge)
    blows = []
    settle(2 * GOP)
    for _ in range(times):
        settle(random.random() * GOP)
        victim = next(o for o in origins if o.address == used(edge))
        calm = time.monotonic()
        settle(GOP)
        blow = time.monotonic()
        strike(victim)
        wait_for(lambda: used(edge) != victim.address, 10, "the other origin")
        recover(probes, blow, feeds)
        heal(victim)
        wait_for(lambda: victim.stream("x") and victim.stream("x")["publish"]["active"], 10, "the origin's return")
        settle(3 * GOP)
        still_there(probes)
        blows.append(blow)
        note_gaps(numbers, probes, feeds, calm, blow, bound)
    return [Record(p, feeds) for p in probes], blows


def kill(server):
    server.kill9()


def start(server):
    server.start()


def freeze(server):
    server.freeze()


def thaw(server):
    server.thaw()


def pair(t):
    network()
    return [t.server(name, top.local()) for name in ("a", "b")]


def one_encoder(t, strike, heal, row, bound):
    origins = pair(t)
    edge = edge_of(t, *origins)
    feed = Feed(t.media(gop=GOP))
    lanes = [lane(t, o.url("live/x"), feed, shift=s) for o, s in zip(origins, (0, 123456))]
    numbers = Numbers(t, row, f"<= {bound} ms beyond batching")
    records, blows = blow_and_watch(t, origins, edge, [feed], lanes, strike, heal, numbers, bound, rounds())
    for r in records:
        holes = r.check_order()
        for at, lost in holes:
            blow = max((b for b in blows if b < at), default=None)
            assert blow and (NETEM or (at - blow) * 1000 < max(Numbers.most(bound), (bound + 1000) * SCALE)), f"{lost} frames are missing outside of a gap"
            numbers.add("frames lost in a gap", lost)
        numbers.add("blows without a lost frame", len(blows) - len({max(b for b in blows if b < at) for at, _ in holes}))
        drift = r.distance_ms(blows[-1] + 2 * GOP, time.monotonic()) - r.distance_ms(0, blows[0])
        numbers.add("drift of the clock", abs(drift), 100)
    return numbers


@calm
@limit(240)
def test_kill_one_encoder(t):
    """One encoder feeds both origins, the one in use is killed again and again: no message comes twice, none is
    missing outside of the gap."""
    one_encoder(t, kill, start, "kill -9 of the origin in use, one encoder", 500)


@calm
@limit(360)
def test_freeze_one_encoder(t):
    """The same with an origin that is frozen and does not reset anything."""
    one_encoder(t, freeze, thaw, "SIGSTOP of the origin in use, one encoder", 2500)


def two_encoders(t, strike, heal, row, bound):
    origins = pair(t)
    edge = edge_of(t, *origins)
    feeds = [Feed(t.media(gop=GOP, seed=n)) for n in (0, 1)]
    settle(0.3)                     # their key frames fall apart
    feeds[1].t0 = time.monotonic()
    lanes = [lane(t, o.url("live/x"), f, shift=s) for o, f, s in zip(origins, feeds, (0, 5000))]
    numbers = Numbers(t, row, f"<= {bound} ms beyond batching")
    records, blows = blow_and_watch(t, origins, edge, feeds, lanes, strike, heal, numbers, bound, rounds())
    for r in records:
        r.check_order()
        assert r.half_gops() == 0, "half a GOP was shown"
        for blow, until in zip(blows, blows[1:] + [time.monotonic()]):
            back = max(a for a, *_ in r.rows if a <= until)
            resumed = next(a for a, *_ in r.rows if a > blow + 0.1)
            before = r.delay_ms(blow - GOP, blow), r.distance_ms(blow - GOP, blow)
            after = [f(resumed + 2 * GOP, min(back, resumed + 3.5 * GOP)) for f in (r.delay_ms, r.distance_ms)]
            numbers.add("added delay after two GOPs", after[0] - before[0], 150)
            numbers.add("added distance to live after two GOPs", abs(after[1] - before[1]), 250)


@calm
@limit(240)
def test_kill_two_encoders(t):
    """Each origin has an encoder of its own: after a kill the viewers have the old distance to live within two
    GOPs."""
    two_encoders(t, kill, start, "kill -9 of the origin in use, two encoders", 500)


@calm
@limit(360)
def test_freeze_two_encoders(t):
    """The same with a frozen origin."""
    two_encoders(t, freeze, thaw, "SIGSTOP of the origin in use, two encoders", 2500)


# ---- pushes ----

def live_on(server):
    stream = server.stream("x")
    return stream and stream["publish"]["active"]


def push(t, strike, heal, row, live_within, other_gap, times):
    """An encoder publishes through one edge; viewers are there and on another edge."""
    origins = pair(t)
    edge, other = edge_of(t, *origins), edge_of(t, *origins, name="other")
    feed = Feed(t.media(gop=GOP))
    encoder = lane(t, edge.url("live/x"), feed)
    here, there = viewers(t, edge), viewers(t, other)
    elsewhere = f", on another edge <= {other_gap} ms" if other_gap else ""
    numbers = Numbers(t, row, f"live elsewhere <= {live_within} ms; viewers' gap here 0{elsewhere}")
    settle(2 * GOP)
    for _ in range(times):
        settle(random.random() * GOP)
        victim = next(o for o in origins if o.address == used(edge))
        heir = next(o for o in origins if o is not victim)
        calm = time.monotonic()
        settle(GOP)
        blow = time.monotonic()
        strike(victim)
        wait_for(lambda heir=heir: live_on(heir), 10, "the stream on the other origin", every=0.005)
        numbers.add("live on the other origin", (time.monotonic() - blow) * 1000, live_within)
        recover(there, blow + 0.2, [feed], 15)
        heal(victim)
        settle(3 * GOP)
        still_there(here + there)
        assert not encoder.losses and len(encoder.accepted) == 1, f"the encoder was disconnected: {encoder.losses}"
        note_gaps(numbers, here, [feed], calm, blow, 150, "gap here")
        note_gaps(numbers, there, [feed], calm, blow, other_gap, "gap on another edge")
    for p in here:
        holes = Record(p, [feed]).check_order()
        assert not holes, f"viewers beside the encoder miss frames: {holes}"
    for p in there:
        Record(p, [feed]).check_order()


@calm
@limit(300)
def test_push_kill(t):
    """The origin that an encoder's stream is pushed to is killed again and again: the encoder stays, the stream goes
    on at the other one, viewers of the same edge notice nothing."""
    push(t, kill, start, "encoder through the edge, kill -9 of its origin", 500, 1500, rounds())


@calm
@limit(200)
def test_push_freeze(t):
    """The same with an origin that is frozen."""
    push(t, freeze, thaw, "encoder through the edge, SIGSTOP of its origin", 3000, None, rounds(6, 3))


@alone
@limit(120)
def test_push_adds_no_delay(t):
    """A frame that goes through an edge reaches a viewer of the origin less than 20 ms later than a direct one."""
    network()
    origin = t.server("a", top.local(play="mw_latency 0;"))
    edge = edge_of(t, origin)
    feed = Feed(t.media(gop=GOP))
    lane(t, edge.url("live/x"), feed)
    lane(t, origin.url("live/y"), feed)
    probes = [t.probe(origin.url("live/" + n), keep=False).wait_frames(20, 10) for n in "xy"]
    since = time.monotonic() + 0.5
    settle(rounds(8, 3))
    pushed, direct = (Record(p, [feed]).delay_ms(since, time.monotonic()) for p in probes)
    Numbers(t, "delay that a push adds", "< 20 ms").add("added delay", pushed - direct, 20)


# ---- publishers that move, levels, joins, black holes ----

def move(t, clustered, row):
    network()
    ports = [top.spare() for _ in range(2)]
    texts = [top.local(), top.local()] if not clustered else [
        top.clustered(f"127.0.0.1:{api}").replace("$api", mine).replace("$rtmp", rtmp)
        for api, mine, rtmp in ((ports[1][0], ports[0][0], ports[0][1]), (ports[0][0], ports[1][0], ports[1][1]))]
    origins = [t.server(name, text) for name, text in zip("ab", texts)]
    if clustered:
        for o, (api, rtmp) in zip(origins, ports):
            o.rtmp, o.api = int(rtmp), int(api)
            o.wait_ready()
    edge = edge_of(t, *origins)
    feed = Feed(t.media(gop=GOP))
    encoder = lane(t, origins[0].url("live/x"), feed)
    probes = viewers(t, edge)
    numbers = Numbers(t, row, "viewers stay")
    for n in range(rounds(6, 2)):
        away = (0.1, 1, 2.5)[n % 3]
        settle(2 * GOP)
        encoder.stop()
        settle(away)
        encoder = lane(t, origins[(n + 1) % 2].url("live/x"), feed)
        back = time.monotonic()
        recover(probes, back, [feed], 10)
        numbers.add("first picture after the return", (time.monotonic() - back) * 1000, 2500)
        still_there(probes)
    settle(GOP)
    for p in probes:
        Record(p, [feed]).check_order()


@calm
@limit(120)
def test_publisher_moves(t):
    """A publisher leaves one origin and comes back on the other: viewers of an edge continue, time rising."""
    move(t, False, "publisher moves to the other origin")


@calm
@limit(120)
def test_publisher_moves_in_a_cluster(t):
    """The same with origins that ask each other."""
    move(t, True, "publisher moves to the other origin, origins are coworkers")


def levels(t):
    network()
    origin = t.server("origin", top.local())
    middle = [edge_of(t, origin, name=n) for n in ("m1", "m2")]
    return origin, middle, edge_of(t, *middle, name="leaf")


def kill_the_middle(numbers, middle, leaf, probes, feed, bound, times):
    """Kills the parent in use again and again; generates after each blow has been survived."""
    for _ in range(times):
        settle(2 * GOP + random.random() * GOP)
        victim = next(m for m in middle if m.address == used(leaf))
        calm = time.monotonic() - GOP
        blow = time.monotonic()
        victim.kill9()
        recover(probes, blow, [feed])
        victim.start()
        settle(GOP)
        still_there(probes)
        yield
        note_gaps(numbers, probes, [feed], calm, blow, bound)


@calm
@limit(240)
def test_three_levels_middle_killed(t):
    """Edges three levels deep, two parents in the middle: when the one in use is killed, viewers go on."""
    origin, middle, leaf = levels(t)
    feed = Feed(t.media(gop=GOP))
    lane(t, origin.url("live/x"), feed)
    probes = viewers(t, leaf)
    numbers = Numbers(t, "three levels, the middle killed, two parents", "<= 1000 ms")
    for _ in kill_the_middle(numbers, middle, leaf, probes, feed, 1000, rounds(10, 3)):
        pass
    for p in probes:
        Record(p, [feed]).check_order()


@calm
@limit(240)
def test_three_levels_publish(t):
    """An encoder publishes three levels deep; when the middle is killed it stays, and viewers at the origin go on."""
    origin, middle, leaf = levels(t)
    feed = Feed(t.media(gop=GOP))
    encoder = lane(t, leaf.url("live/x"), feed)
    probes = viewers(t, origin)
    numbers = Numbers(t, "publish through three levels, the middle killed", "<= 1500 ms")
    for _ in kill_the_middle(numbers, middle, leaf, probes, feed, 1500, rounds(10, 2)):
        assert not encoder.losses, encoder.losses


@limit(120)
def test_joins_and_leaves(t):
    """Twelve joins and leaves 300 ms apart: each has video at once, and the origin sees one connection."""
    network()
    origin = t.server("origin", top.local())
    edge = edge_of(t, origin)
    feed = Feed(t.media(gop=GOP))
    lane(t, origin.url("live/x"), feed)
    settle(GOP)
    numbers = Numbers(t, "12 joins and leaves, 300 ms apart", "video <= 100 ms, one upstream connection")
    pulls = set()
    for n in range(12):
        p = t.probe(edge.flv("live/x") if n % 2 else edge.url("live/x"), keep=False)
        p.wait(lambda q: q.first_video_ms, 3, "video")
        numbers.add("first video of a join", p.first_video_ms, 100)
        pulls |= {c["id"] for c in origin.clients() if not c["publish"]}
        settle(0.3)
        p.stop()
    pulls |= {c["id"] for c in origin.clients() if not c["publish"]}
    assert len(pulls) == 1, pulls


def first_frames(t, hole, numbers):
    """Each name on a fresh edge, so that nothing is remembered of the hole."""
    origin = t.server("origin", top.local())
    feed = Feed(t.media(gop=GOP))
    for n in range(rounds(10, 4)):
        lane(t, origin.url(f"live/x{n}"), feed)
        settle(0.2)
        edge = edge_of(t, hole, origin, name=f"edge{n}")
        p = t.probe(edge.url(f"live/x{n}"), keep=False)
        p.wait_frames(1, 10)
        numbers.add("first frame", p.first_frame_ms, 300)
        p.stop()
        edge.stop()


@limit(120)
def test_black_hole_that_accepts(t):
    """An origin that accepts and never speaks costs the first viewer less than 300 ms."""
    network()
    first_frames(t, t.listen(None).address, Numbers(t, "first origin accepts and never speaks", "<= 300 ms"))


@limit(120)
def test_black_hole_that_drops(t):
    """An origin whose packets are dropped costs the first viewer less than 300 ms."""
    own_network("ip link add hole type veth peer name end", "ip addr add 198.51.100.1/24 dev hole",
                "ip link set hole up", "ip link set end up",
                "ip neigh replace 198.51.100.7 lladdr 02:00:00:00:00:07 dev hole")
    first_frames(t, "198.51.100.7:1935", Numbers(t, "first origin drops all packets", "<= 300 ms"))
