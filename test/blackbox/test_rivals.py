"""One publisher per stream: on_duplicate, publishers that start at one moment, partitions."""
import select
import socket
import threading
import time

import topology as top
from cluster_client import BAD_NAME, NOT_FOUND, REDIRECT, ask, code_of, whereabouts
from support import SCALE, SHORT, flv, rtmp
from support.case import calm, limit
from support.server import curl, free_port, seconds_of, wait_for, within


def refusal(t, url):
    try:
        publisher = t.publish(url)
    except rtmp.Refused as e:
        return e.command
    publisher.stop()
    raise AssertionError("the second publisher was not refused")


def test_duplicate_is_allowed_by_default(t):
    """As in SRS, two publishers on two origins are not prevented unless it is asked for."""
    a, b = top.start_origins(t)
    t.publish(a.url("live/x"))
    second = t.publish(b.url("live/x"))
    second.wait_sent(60)
    assert not second.ended and not second.codes


def test_duplicate_is_rejected(t):
    """on_duplicate reject: BadName names the place where the stream lives."""
    a, b = top.start_origins(t, more="on_duplicate reject;")
    t.publish(a.url("live/x"))
    command = refusal(t, b.url("live/x"))
    assert command.code == BAD_NAME, command
    assert f"127.0.0.1:{a.rtmp}" in command.info["description"], command


def test_duplicate_is_redirected(t):
    """on_duplicate redirect: the second publisher hears SRS's 302 to the first one's origin."""
    a, b = top.start_origins(t, more="on_duplicate redirect;")
    first = t.publish(a.url("live/x"))
    c = t.client(b.url("live/x")).connect()
    c.publish(wait=False)
    ex = c.wait_status(REDIRECT).info["ex"]
    assert ex["redirect"] == f"rtmp://127.0.0.1:{a.rtmp}/live", ex
    first.stop()
    wait_for(lambda: code_of(t, b.url("live/x")) == NOT_FOUND, 3, "the end of the first publish")
    t.publish(b.url("live/x"))


def test_silent_coworkers_do_not_hold_a_publisher_up(t):
    """With coworkers that do not answer, the publish goes ahead after query_timeout."""
    more = "on_duplicate reject; query_timeout 400;"
    a = top.start_clustered(t, t.listen(), top.not_listening(), more=more)
    publishers = []

    def publish():
        publishers.append(t.publish(a.url(f"live/x{len(publishers)}")))
    within(1.0, lambda: seconds_of(publish))
    publishers[0].wait_sent(60)
    assert not publishers[0].ended


def wait_silent(server):
    """Until the publisher there has sent nothing for so long that others ask whether it is alive."""
    wait_for(lambda: max(whereabouts(server)[k] for k in ("silent_ms", "unanswered_ms")) >= 1000, 10, "a second of silence")


def test_half_open_publisher_loses_to_a_live_one(t):
    """An encoder whose old connection to another origin is half-open gets its stream at the new origin."""
    a, b = top.start_origins(t, more="on_duplicate reject;")
    old = t.publish(a.url("live/x"))
    old.wait_sent(20)
    old.freeze()
    wait_silent(a)
    new = t.publish(b.url("live/x"))
    wait_for(lambda: whereabouts(a) is None, 10, "the end of the silent publisher")
    new.wait_sent(60)
    assert not new.ended and not new.codes, (new.ended, new.codes)


def test_idle_publisher_that_answers_keeps_its_stream(t):
    """A publisher that sends nothing for a while but answers pings is not replaced."""
    a, b = top.start_origins(t, more="on_duplicate reject;", play="")
    c = t.client(a.url("live/x")).connect().publish()
    stop = threading.Event()

    def answer():
        while not stop.is_set():
            try:
                c.read(0.1)
            except rtmp.Timeout:
                pass
            except rtmp.Closed:
                return
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    wait_silent(a)
    assert refusal(t, b.url("live/x")).code == BAD_NAME
    stop.set()
    thread.join()


class Collision:
    """Two publishers at one moment on two origins, who stay for `patience`, or until leave(). `ends` has for those that
    ended before why (Refused, Closed), and after how long; `left` are the servers of the others."""

    def __init__(self, a, b, stream, patience=30.0):
        self.stream, self.patience, self.over = stream, patience * SCALE, threading.Event()
        self.barrier, self.left, self.ends = threading.Barrier(2), [], {}
        self.threads = [threading.Thread(target=self._publish, args=(s,), daemon=True) for s in (a, b)]
        for th in self.threads:
            th.start()

    def wait_end(self):
        """Until one has ended and a while later."""
        wait_for(lambda: self.ends, 10, f"the end of one publisher of {self.stream}")
        self.over.wait(0.3)

    def leave(self):
        self.over.set()
        return self.join()

    def join(self):
        for th in self.threads:
            th.join(3 * self.patience)
        return self

    def _publish(self, server):
        c = rtmp.Client(server.url(f"live/{self.stream}")).connect()
        c.create_stream()
        self.barrier.wait()
        began = time.monotonic()
        try:
            c.publish(timeout=self.patience)
            self._stay(c)
            self.left.append(server)
        except (rtmp.Refused, rtmp.Closed) as e:
            self.ends[server.name] = (e, time.monotonic() - began)
        c.close()

    def _stay(self, c):
        ends, n = time.monotonic() + self.patience, 0
        while time.monotonic() < ends and not self.over.is_set():
            c.send(rtmp.Message(rtmp.AUDIO, n * 40, c.sid, b"\xaf\x01" + b"\0" * 32, 4))
            n += 1
            until = time.monotonic() + 0.04
            while (left := until - time.monotonic()) > 0:
                try:
                    m = c.read(left)
                except rtmp.Timeout:
                    break
                if m.type == rtmp.COMMAND and rtmp.Command(m).code in (BAD_NAME, REDIRECT):
                    raise rtmp.Refused(rtmp.Command(m))


def one_is_left(t, c, servers):
    """Both servers know which; the other publisher was told where."""
    def places():
        return [s for s in servers if whereabouts(s, c.stream)]
    wait_for(lambda: len(places()) == 1, 5, f"one place of {c.stream}")
    winner, = places()
    loser, = (s for s in servers if s is not winner)
    assert list(c.ends) == [loser.name], (c.stream, c.ends)
    told, _ = c.ends[loser.name]
    assert isinstance(told, rtmp.Refused) and f"127.0.0.1:{winner.rtmp}" in str(told.info), (c.stream, told)
    assert code_of(t, winner.url("live/" + c.stream)).startswith("NetStream.Play."), c.stream
    status, _, _ = ask(t, loser.url("live/" + c.stream))
    assert status.code == REDIRECT and status.info["ex"]["redirect"] == f"rtmp://127.0.0.1:{winner.rtmp}/live", status


def collide(t, on_duplicate, rounds, at_once=5):
    """So many streams, each published at two origins at one moment: the same one is left on both, after two seconds at
    most, and the other one is told."""
    both = top.start_origins(t, more=f"on_duplicate {on_duplicate}; query_cache 0; query_cache_none 0;", http=False)
    done = []
    for base in range(0, rounds, at_once):
        now = [Collision(*both, f"s{n}") for n in range(base, min(rounds, base + at_once))]
        for c in now:
            c.wait_end()
            one_is_left(t, c, both)
        done += [c.leave() for c in now]
    bad = [(c.stream, c.left, c.ends) for c in done if len(c.left) != 1 or len(c.ends) != 1]
    assert not bad, bad
    # A stalled machine may delay one or two, and not by much.
    times = sorted(took for c in done for _, took in c.ends.values())
    assert times[len(times) * 4 // 5 - 1] <= 2 * SCALE and times[-1] <= 5 * SCALE, times
    return [told for c in done for told, _ in c.ends.values()]


@limit(240)
def test_simultaneous_publishers_end_with_one(t):
    """Two publishers at one moment on two origins with on_duplicate reject: exactly one survives, each time, after two
    seconds at most."""
    told = collide(t, "reject", 5 if SHORT else 50)
    assert all(e.info["code"] == BAD_NAME for e in told), told


@limit(120)
def test_simultaneous_publishers_are_redirected(t):
    """The same with on_duplicate redirect: the other one hears the 302, or BadName when it had begun already."""
    told = collide(t, "redirect", 5 if SHORT else 10)
    assert all(e.info["code"] in (BAD_NAME, REDIRECT) for e in told), told


def test_simultaneous_publishers_are_allowed_by_default(t):
    """As in SRS, both of two publishers at one moment go on, each origin serves its own, and no player is sent away."""
    a, b = top.start_origins(t)
    for c in [Collision(a, b, f"s{n}", patience=2.0) for n in range(3)]:
        c.join()
        assert {s.name for s in c.left} == {"a", "b"} and not c.ends, (c.left, c.ends)
    for server, mark in ((a, False), (b, True)):
        publisher = t.publish(server.url("live/x"), mark=mark)
        for url in (server.url("live/x"), server.flv("live/x")):
            flv.assert_same(publisher.sent, list(t.probe(url).wait_frames(40).messages), least=30)


class LaterPublisher:
    """A publisher at B, or at an edge of B, of a stream that A has, of which B could not know: A is frozen. thaw() ends that."""

    def __init__(self, t, edge=False, more=""):
        self.a, self.b = top.start_origins(t, more="on_duplicate reject; query_timeout 300;" + more)
        self.first = t.publish(self.a.url("live/x"))
        self.first.wait_sent(10)
        self.place = top.start_edge(t, self.b, more=more) if edge else self.b
        self.a.freeze()
        try:
            self.second = t.publish(self.place.url("live/x"), mark=True)
        except BaseException:
            self.a.thaw()
            raise

    def thaw(self):
        """The second publisher ends, and hears where the stream is."""
        self.a.thaw()
        wait_for(lambda: BAD_NAME in self.second.codes, 3, "BadName for the later publisher")
        text = next(c for c in self.second.statuses if c.code == BAD_NAME).info["description"]
        assert f"127.0.0.1:{self.a.rtmp}" in text, text
        wait_for(lambda: self.second.ended, 3, "its end")

    def of_the_first(self, probe):
        """Waits until the probe gets what the first publisher sends (the second one's is marked)."""
        def is_sent(m):
            return m.type == rtmp.VIDEO and any(m.payload == s.payload for s in self.first.sent[-100:])
        probe.wait(lambda p: p.messages and is_sent(p.messages[-1]), 5, "the winner's stream")


def beside_the_first(t, edge):
    m = LaterPublisher(t, edge)
    m.thaw()
    count = len(m.first.sent)
    m.first.wait_sent(count + 20)
    assert not m.first.ended and not m.first.codes, (m.first.ended, m.first.codes)
    m.b.wait_log("was first: the publisher here ends")


def test_the_later_publisher_ends(t):
    """Of two publishers that did not know of each other the later one ends with BadName, and the place of the other."""
    beside_the_first(t, edge=False)


def test_the_later_publisher_behind_an_edge_ends(t):
    """The same when the later one came through an edge: the encoder hears it at once."""
    beside_the_first(t, edge=True)


def test_players_of_the_loser_are_told_at_once(t):
    """The players of a publisher that lost to a rival are told at once, and find the stream by the 302."""
    m = LaterPublisher(t, more="} publish { reconnect_grace 60; ")
    url, flv_url = m.b.url("live/x"), m.b.flv("live/x")
    probes = [t.probe(u).wait_frames(10) for u in (url, flv_url)]
    m.thaw()
    for p in probes:
        p.wait_ended(5)             # reconnect_grace is 60 s
    assert "NetStream.Play.UnpublishNotify" in probes[0].codes and probes[1].clean, probes
    status, _, _ = ask(t, url)
    assert status.info["ex"]["redirect"] == f"rtmp://127.0.0.1:{m.a.rtmp}/live", status
    _, head, _ = curl(flv_url, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    assert head.decode() == f"302 {m.a.flv('live/x')}", head


def test_players_of_the_loser_at_an_edge_go_on(t):
    """At the edge where the loser published they stay: the edge fetches the winner's stream."""
    m = LaterPublisher(t, edge=True)
    probes = [t.probe(u).wait_frames(10) for u in (m.place.url("live/x"), m.place.flv("live/x"))]
    m.thaw()
    for p in probes:
        m.of_the_first(p)
        assert not p.ended and not p.backwards(), p


def test_players_of_the_loser_go_on_by_relay(t):
    """With on_miss relay (and auto, over RTMP) the players of the loser stay and get the winner's stream."""
    m = LaterPublisher(t, more="on_miss relay;")
    probes = [t.probe(u).wait_frames(10) for u in (m.b.url("live/x"), m.b.flv("live/x"), m.b.url("live/x"))]
    m.thaw()
    for p in probes:
        m.of_the_first(p)
        assert not p.ended and not p.backwards(), p
    assert len(m.a.clients()) == 2, "the publisher and one relay"


class Link:
    """The way to a server on loopback. While it is cut it swallows what is asked, and counts it."""

    def __init__(self, t, port):
        self.port, self.cut, self.passed, self.swallowed = port, False, 0, 0
        self.address = t.listen(self.carry).address

    def carry(self, sock):
        with socket.create_connection(("127.0.0.1", self.port)) as there:
            while True:
                for s in select.select([sock, there], [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        return
                    if self.cut:
                        self.swallowed += s is sock
                    else:
                        self.passed += s is sock
                        (there if s is sock else sock).sendall(data)


def partition(t):
    """Two origins, each with a publisher of one stream, that could not speak with each other when the second one came,
    nor when its origin looked again; and the two links."""
    api = [free_port(), free_port()]
    links = [Link(t, port) for port in api]
    a, b = (top.start_clustered(t, w.address, name=n, more="on_duplicate reject; query_timeout 300;", http=False, values={"api": port})
            for n, port, w in zip("ab", api, reversed(links)))
    first = t.publish(b.url("live/x"))
    wait_for(lambda: links[0].passed >= 3, 4, "a query and two checks of the first")
    for w in links:
        w.cut = True
    second = t.publish(a.url("live/x"))
    wait_for(lambda: links[1].swallowed >= 3, 4, "a query and two checks of the second")
    return first, second, links


def test_publishers_of_a_partition_end_with_one(t):
    """Two publishers whose origins could not reach each other are rechecked: when the network is back the later one ends."""
    first, second, links = partition(t)
    for w in links:
        w.cut = False
    wait_for(lambda: BAD_NAME in second.codes, 5, "BadName for the later publisher")
    assert not first.ended and not first.codes, (first.ended, first.codes)


@calm
def test_an_unconfirmed_publish_is_rechecked_at_once(t):
    """As soon as a coworker answers anything again, long before the next recheck is due, the unconfirmed publishers are checked."""
    first, second, links = partition(t)
    wait_for(lambda: links[1].swallowed >= 5, 8, "looks further and further apart")      # the next one comes after 4 s
    for w in links:
        w.cut = False
    a = next(s for s in t.things if getattr(s, "name", "") == "a")
    assert code_of(t, a.url("live/nobody")) == NOT_FOUND
    wait_for(lambda: BAD_NAME in second.codes, 1, "BadName for the later publisher")
    assert not first.ended and not first.codes, (first.ended, first.codes)
    a.wait_log("answers again")
