"""The cluster of the seed: two origins and an edge, RTMP and HTTP-FLV."""
import itertools
import os

import topology as top
from support import flv, rtmp
from support.case import alone
from support.server import curl, ffprobe, median, seconds_of, wait_for, within

REDIRECT = "NetConnection.Connect.Rejected"
NOT_FOUND = "NetStream.Play.StreamNotFound"


def live_on_b(t, **kw):
    seed = top.Seed(t, **kw)
    publisher = t.publish(seed.b.url("live/livestream"), mark=True)
    publisher.wait_sent(30)
    return seed, publisher


def asked(t, server, path="live/livestream", **kw):
    """A player's dialogue with an origin up to the end of the connection."""
    c = t.client(server.url(path), **kw)
    c.connect()
    c.play()
    c.wait_closed(8)
    return c, [rtmp.Command(m) for m in c.seen if m.type == rtmp.COMMAND]


def statuses(commands):
    return [c.code for c in commands if c.name == "onStatus"]


def test_absent_stream_is_not_found_at_the_origin(t):
    """A player of a stream that no origin of the cluster has hears StreamNotFound and is closed."""
    seed = top.Seed(t, edge=False)

    def refused():
        _, commands = asked(t, seed.a, "live/nobody")
        assert statuses(commands) == [NOT_FOUND], commands
        assert commands[-1].info["level"] == "error" and commands[-1].info["description"]
    within(2, lambda: seconds_of(refused))


def test_absent_stream_is_not_found_at_the_edge(t):
    """An edge whose origins all say nobody has it tells its player so: StreamNotFound, or 404."""
    seed = top.Seed(t)

    def refused():
        _, commands = asked(t, seed.edge, "live/nobody")
        assert NOT_FOUND in statuses(commands), commands
    within(3, lambda: seconds_of(refused))
    status, body, _ = curl(seed.edge.flv("live/nobody"), "-o", "/dev/null", "-w", "%{http_code}")
    assert body == b"404", (status, body)


def test_advertise_is_what_redirects_name(t):
    """Where advertise is set, clusters and redirects name that address."""
    a, b = top.start_origins(t, top=["", "advertise origin-b.example:1999;"])
    t.publish(b.url("live/x"))
    _, commands = asked(t, a, "live/x")
    ex = commands[-1].info["ex"]
    assert ex["redirect"] == "rtmp://origin-b.example:1999/live", ex
    answer = b.json("/api/v1/clusters?vhost=__defaultVhost__&ip=127.0.0.1&app=live&stream=x&coworker=127.0.0.1:1")
    assert (answer["data"]["origin"]["ip"], answer["data"]["origin"]["port"]) == ("origin-b.example", 1999), answer


def test_clusters_answers_as_srs(t):
    """/api/v1/clusters has SRS's shape: null for what is not here, else where it is."""
    seed = top.Seed(t, edge=False, origins="b")
    query = "/api/v1/clusters?vhost=__defaultVhost__&ip=10.0.0.9&app=live&stream=x&coworker=127.0.0.1:9091"
    for method in ("GET", "POST"):
        answer = seed.b.json(query, method)
        assert answer["code"] == 0 and answer["data"]["origin"] is None, answer
        assert answer["data"]["query"] == {"ip": "10.0.0.9", "vhost": "__defaultVhost__", "app": "live",
                                           "stream": "x"}, answer
        assert "server" not in answer and "pid" not in answer
    publisher = t.publish(seed.b.url("live/x"))
    origin = seed.b.json(query.replace("127.0.0.1:9091", "host.example:9091"))["data"]["origin"]
    assert origin["ip"] == "host.example" and origin["port"] == seed.b.rtmp, origin
    assert origin["vhost"] == "__defaultVhost__" and str(seed.b.api) in origin["api"], origin
    assert isinstance(origin["routers"], list)
    publisher.stop()
    wait_for(lambda: seed.b.json(query)["data"]["origin"] is None, 2, "null after the publisher left")


def refused_within(t, bound, *coworkers):
    """A player of an absent stream hears so with these coworkers, in time."""
    a = top.start_clustered(t, *coworkers)
    names = (f"live/nobody{n}" for n in range(1000))

    def refused():
        _, commands = asked(t, a, next(names))
        assert statuses(commands) == [NOT_FOUND], commands
    within(bound, lambda: seconds_of(refused))


def test_coworker_that_is_down_costs_nothing(t):
    """A coworker that refuses the connection costs no time."""
    refused_within(t, 1.0, top.not_listening(), top.not_listening())


def test_coworkers_that_are_silent_cost_one_deadline(t):
    """Coworkers that accept and never speak cost one common deadline, not one each."""
    refused_within(t, 1.8, t.listen().address, t.listen().address, t.listen().address)


def test_coworkers_with_bad_answers_are_ignored(t):
    """No answer, half an answer, an answer without end: the player is told StreamNotFound all the same."""
    answers = (b"garbage\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"code\":0,",
               b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{{{{{{{", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
               b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"code\":0,\"data\":[[1]]}"[:80])

    def say(text):
        def handler(sock):
            sock.settimeout(2)
            sock.recv(65536)
            sock.sendall(text)
        return handler

    def endless(sock):
        sock.settimeout(2)
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
        for _ in range(4000):
            sock.sendall(b" " * 65536)
    raw = [t.listen(say(a)) for a in answers] + [t.listen(endless)]
    refused_within(t, 1.8, *[r.address for r in raw])


def test_silent_coworker_does_not_delay_the_good_one(t):
    """The first coworker that has the stream wins, whatever the others do."""
    api_a = top.spare(1)[0]
    b = top.start_clustered(t, f"127.0.0.1:{api_a}", name="b")
    a = top.start_clustered(t, t.listen(), top.not_listening(), b, values={"api": api_a})
    t.publish(b.url("live/x"))

    def redirected():
        c = t.client(a.url("live/x")).connect()
        return seconds_of(lambda: c.play().wait_status(REDIRECT))
    within(0.5, redirected)


def test_listing_oneself_is_harmless(t):
    """An origin that lists itself among its coworkers redirects and refuses as any other."""
    api_a, api_b = top.spare()
    both = f"127.0.0.1:{api_b} 127.0.0.1:{api_a}"
    a = top.start_clustered(t, both, values={"api": api_a})
    b = top.start_clustered(t, both, name="b", values={"api": api_b})
    t.publish(b.url("live/x"))
    _, commands = asked(t, a, "live/x")
    assert statuses(commands) == [REDIRECT], commands
    _, commands = asked(t, a, "live/nobody")
    assert statuses(commands) == [NOT_FOUND], commands


@alone
def test_seed_first_frame_of_a_cold_pull(t):
    """The first frame of a stream that the edge does not pull yet comes in under 50 ms."""
    seed = top.Seed(t)
    names = (f"live/s{n}" for n in range(1000))

    def typical():
        times = []
        for name in itertools.islice(names, 5):
            publisher = t.publish(seed.b.url(name)).wait_sent(40)
            probe = t.probe(seed.edge.url(name), keep=False).wait_frames(1, 5)
            times.append(probe.first_frame_ms / 1000)
            probe.stop()
            publisher.stop()
        return median(times)
    within(0.050, typical, tries=3)


def test_seed_http_flv_by_curl(t):
    """curl takes HTTP-FLV from the edge; what it holds is what was published, bit for bit."""
    seed, publisher = live_on_b(t)
    status, body, _ = curl(seed.edge.flv("live/livestream"), seconds=3)
    reader = flv.FlvReader()
    messages = reader.feed(body)
    assert status == 28, "curl should have been reading until its time was over"
    assert reader.flags == 5, reader.flags
    flv.assert_same(publisher.sent, messages, least=60)


def test_seed_http_flv_by_ffmpeg(t):
    """ffmpeg plays HTTP-FLV from the edge, bit for bit."""
    seed, publisher = live_on_b(t)
    flv.assert_same(publisher.sent, t.record(seed.edge.flv("live/livestream"), 2), by_type=True)


def test_seed_http_flv_by_probe(t):
    """Packets played through the edge over HTTP-FLV are the published ones, in order, on a rising timeline."""
    seed, publisher = live_on_b(t)
    probe = t.probe(seed.edge.flv("live/livestream")).wait_frames(120, 10)
    flv.assert_same(publisher.sent, list(probe.messages), least=100)
    assert not probe.backwards() and not probe.missing(publisher.sent)
    head = probe.client.headers
    assert head["content-type"].startswith("video/x-flv"), head


def test_seed_published_and_played_by_ffmpeg(t):
    """ffmpeg publishes to origin B and plays through the edge by RTMP: nothing is changed."""
    seed = top.Seed(t)
    media = t.media()
    t.ffmpeg(media, seed.b.url("live/livestream"))
    seed.b.wait_live("livestream")
    flv.assert_same(flv.read_file(media), t.record(seed.edge.url("live/livestream"), 3), by_type=True, least=50)


def test_seed_ffprobe_sees_the_streams(t):
    """ffprobe finds the picture and the sound, by RTMP and by HTTP-FLV."""
    seed, _ = live_on_b(t)
    for url in (seed.edge.url("live/livestream"), seed.edge.flv("live/livestream")):
        found = {s["codec_type"]: s for s in ffprobe(url, 15)["streams"]}
        assert found["video"]["codec_name"] == "h264" and found["video"]["width"] == 320, found
        assert found["audio"]["codec_name"] == "aac", found


def test_seed_rtmp_by_probe(t):
    """Packets played through the edge over RTMP are the published ones, bit for bit, and none is missing."""
    seed, publisher = live_on_b(t)
    probe = t.probe(seed.edge.url("live/livestream")).wait_frames(120, 10)
    flv.assert_same(publisher.sent, list(probe.messages), least=100)
    assert not probe.backwards() and not probe.missing(publisher.sent)
    assert "NetStream.Play.Start" in probe.codes


def test_seed_rtmp_by_rtmpdump(t):
    """rtmpdump plays through the edge, bit for bit."""
    t.need("rtmpdump")
    seed, publisher = live_on_b(t)
    out = t.path("dump.flv")
    dump = t.spawn(["rtmpdump", "-v", "-r", seed.edge.url("live/livestream"), "-o", out])
    wait_for(lambda: os.path.exists(out) and os.path.getsize(out) > 60000, 10, "60 KB from rtmpdump")
    dump.interrupt()
    flv.assert_same(publisher.sent, flv.read_file(out), by_type=True)


def test_seed_redirect_is_the_one_of_srs(t):
    """Origin A answers with SRS's 302, all its fields, before any Play.Start, and closes."""
    seed, _ = live_on_b(t, edge=False)
    c, commands = asked(t, seed.a, "live/livestream?k=v")
    assert statuses(commands) == [REDIRECT], commands
    status = commands[-1]
    base = f"rtmp://127.0.0.1:{seed.b.rtmp}/live"
    assert (status.tid, status.object) == (0, None)
    assert status.info["level"] == "error" and status.info["description"] == "RTMP 302 Redirect", status
    assert status.info["ex"] == {"code": 302, "redirect": base, "redirect2": base + "/livestream?k=v"}, status
    assert status.message.sid == 0 and status.message.csid == 5, status.message
    assert not [m for m in c.seen if m.type == rtmp.USER and m.event[0] == rtmp.STREAM_BEGIN]


def test_seed_redirect_carries_the_vhost(t):
    """A player that came by a domain is redirected with the domain as vhost."""
    seed, _ = live_on_b(t, edge=False)
    c = t.client(f"rtmp://live.example.com:{seed.a.rtmp}/live/livestream", to=("127.0.0.1", seed.a.rtmp))
    c.connect()
    c.play()
    ex = c.wait_status(REDIRECT).info["ex"]
    assert ex["redirect2"].endswith("/live/livestream?vhost=live.example.com"), ex


def test_seed_stream_at_its_own_origin_is_played_there(t):
    """Origin B plays its own stream without asking anybody."""
    seed, publisher = live_on_b(t, edge=False, origins="b")
    probe = t.probe(seed.b.url("live/livestream")).wait_frames(60, 10)
    flv.assert_same(publisher.sent, list(probe.messages), least=50)


def test_yaml_twin_of_the_seed(t):
    """The same cluster from YAML: the redirect and the play work alike."""
    api_a, api_b, rtmp_b = top.spare(3)
    head = "max_connections: 100\ndaemon: off\npid: ./$name.pid\nsrs_log_file: ./$name.log\nlisten: $rtmp\n"
    origin = head + ("http_api:\n  enabled: on\n  listen: $api\nvhost:\n  __defaultVhost__:\n    cluster:\n"
                     "      mode: local\n      origin_cluster: on\n      coworkers: [ \"127.0.0.1:$other\" ]\n")
    a = t.server("a", origin, values={"api": api_a, "other": api_b}, yaml=True)
    b = t.server("b", origin, values={"api": api_b, "other": api_a, "rtmp": rtmp_b}, yaml=True)
    e = t.server("edge", head + (
        "http_server:\n  enabled: on\n  listen: $http\n  dir: ./objs/nginx/html\nvhost:\n  __defaultVhost__:\n"
        "    cluster:\n      mode: remote\n      origin:\n        - 127.0.0.1:$first\n        - 127.0.0.1:$second\n"
        "    http_remux:\n      enabled: on\n      mount: \"[vhost]/[app]/[stream].flv\"\n"),
        values={"first": a.rtmp, "second": rtmp_b}, yaml=True)
    publisher = t.publish(b.url("live/x"))
    probe = t.probe(e.flv("live/x")).wait_frames(60, 10)
    flv.assert_same(publisher.sent, list(probe.messages), least=50)
