"""HLS through edges: files fetched once, held in memory, from whichever origin has them; and redirects of origins."""
import re
import signal
import subprocess
import threading
import time
import urllib.parse

import topology as top
from support import SCALE, case, hls, httpc
from support.hookserver import HookServer
from support.rtmp import Closed
from support.server import wait_for

HLS = "hls {{ enabled on; hls_path ./objs/nginx/html; hls_fragment 1; hls_window 30; {more} }}"
OFF = "hls_ctx off;"


def start_origin(t, name="origin", more=OFF, vhost="", top_level="", **kw):
    return t.server(name, top.conf(HLS.format(more=more) + vhost, top=top_level), **kw)


def start_edge(t, *origins, name="edge", more=OFF, vhost="", cluster=""):
    web = " ".join(o.http_address for o in origins)
    rtmp = " ".join(o.address for o in origins)
    return t.server(name, top.conf(HLS.format(more=more + f"hls_origin {web};") + vhost +
                                   f"cluster {{ mode remote; origin {rtmp}; {cluster} }}"))


def publish(t, origin, seconds=20, **kw):
    return t.publish(origin.url("live/a"), t.media(seconds, gop=1.0), speed=4, burst=1000, **kw)


def test_an_edge_serves_what_its_origin_has(t):
    """Playlist, segments and types are those of the origin, byte for byte, and a stream that no origin has is a 404."""
    origin = start_origin(t)
    edge = start_edge(t, origin)
    publish(t, origin)
    found = hls.wait_list(edge.web("/live/a.m3u8"), 3)
    for s in found.segments:
        path = "/live/" + s.uri
        here = httpc.fetch(edge.web(path))
        assert here.content == hls.fetch(origin.web(path)) and here.headers["content-type"] == "video/MP2T", here.headers
    part = httpc.fetch(edge.web(path), headers={"Range": "bytes=188-375"})
    assert part.status == 206 and part.content == here.content[188:376]
    assert httpc.fetch(edge.web("/live/none.m3u8")).status == 404
    assert httpc.fetch(edge.web("/live/a-1.ts")).status == 404


@case.limit(90)
def test_hundreds_of_viewers_are_one_fetch_a_file(t):
    """Two hundred viewers of an edge cost its origin each segment once, and each playlist at most a few times a second."""
    origin = start_origin(t, top_level="srs_log_level info;")
    edge = start_edge(t, origin)
    publish(t, origin)
    hls.wait_list(edge.web("/live/a.m3u8"), 2)
    began = time.monotonic()
    fetched = []

    def view():
        for _ in range(4):
            found = hls.fetch_list(edge.web("/live/a.m3u8"))
            for s in found.segments[-2:]:
                fetched.append((s.uri, len(hls.fetch(edge.web("/live/" + s.uri)))))
    viewers = [threading.Thread(target=view) for _ in range(200)]
    for v in viewers:
        v.start()
    for v in viewers:
        v.join(60)
    took = time.monotonic() - began
    names = {uri for uri, _ in fetched}
    assert len(fetched) == 1600 and len(set(fetched)) == len(names), (len(fetched), len(set(fetched)))
    asked = re.findall(r"HTTP GET (/live/\S+)", origin.log())
    segments = [x for x in asked if x.endswith(".ts")]
    assert len(segments) == len(set(segments)) and {x.rsplit("/", 1)[1] for x in segments} >= names, segments
    lists = len(asked) - len(segments)
    assert lists <= 20 + 6 * took, (lists, took)


def two_origins(t):
    """Both carry one run of an encoder."""
    origins = [start_origin(t, f"o{i}", top_level="srs_log_level info;") for i in range(2)]
    for o in origins:
        t.publish(o.url("live/a"), t.media(20, gop=1.0), speed=1, burst=3000)
    return origins


def goes_on_behind_a_death(follower, origin):
    """Kills the origin that is played: numbers go on without a gap or a break, and without a stall longer than a segment."""
    wait_for(lambda: len(follower.bytes) >= 3, 10, "segments")
    died = time.monotonic()
    origin().kill9()
    before = max(follower.bytes)
    wait_for(lambda: max(follower.bytes) >= before + 3 or follower.problem, 10, "segments after the death")
    follower.stop()
    worst = follower.stalls(died)[0]
    print(f"the longest stall of a player without a reserve: {worst:.2f} s")
    assert worst <= 1.0 * SCALE, follower.stalls(died)
    numbers = sorted(follower.bytes)
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), numbers
    assert not any(s.is_break for s in follower.segments.values() if s.number > numbers[0])


def test_an_origin_that_dies_is_replaced(t):
    """When the origin dies the edge goes on from the other one: the same numbers, no list that goes back, and no stall that is
    longer than a segment."""
    origins = two_origins(t)
    edge = start_edge(t, *origins)
    follower = t.keep(hls.Follower(edge.web("/live/a.m3u8")))
    hls.wait_list(edge.web("/live/a.m3u8"), 2)
    follower.start()

    def asked_most():
        asked = [o.log().count("HTTP GET /live/a.m3u8") for o in origins]
        return origins[asked.index(max(asked))]
    goes_on_behind_a_death(follower, asked_most)


class Wanderer(hls.Follower):
    """A player with the addresses of two origins: where the one does not answer it asks the other one."""

    def __init__(self, *urls):
        super().__init__(urls[0])
        self.others = list(urls[1:])

    def step(self):
        try:
            super().step()
        except Closed:
            self.url = self.others.pop()
            super().step()


def test_a_player_goes_on_at_the_other_origin(t):
    """A player of one origin that dies goes on from the other one in the same way."""
    origins = two_origins(t)
    urls = [o.web("/live/a.m3u8") for o in origins]
    for url in urls:
        hls.wait_list(url, 2)
    follower = t.keep(Wanderer(*urls))
    follower.start()
    goes_on_behind_a_death(follower, lambda: origins[0])


def test_a_reload_names_other_origins(t):
    """A playlist that is watched all the time is fetched from the origins of the new configuration after a reload."""
    old, new = (start_origin(t, name, top_level="srs_log_level info;") for name in ("old", "new"))
    edge = start_edge(t, old)
    media = t.media(20, gop=1.0)
    for o in (old, new):
        t.publish(o.url("live/a"), media, speed=1, burst=3000)
    hls.wait_list(edge.web("/live/a.m3u8"), 2)
    assert "HTTP GET /live/a.m3u8" not in new.log()
    edge.write_conf(top.conf(HLS.format(more=OFF + f"hls_origin {new.http_address};") +
                             f"cluster {{ mode remote; origin {new.address}; }}"))
    edge.signal(signal.SIGHUP)

    def watched():
        assert httpc.fetch(edge.web("/live/a.m3u8")).status == 200
        return "HTTP GET /live/a.m3u8" in new.log()
    wait_for(watched, 10, "a playlist of the new origin")
    asked = old.log().count("HTTP GET /live/a.m3u8")
    hls.wait_list(edge.web("/live/a.m3u8"), 4)
    assert old.log().count("HTTP GET /live/a.m3u8") == asked


def test_an_origin_without_the_stream_redirects(t):
    """An origin that lacks the stream sends players of HLS to the coworker that has it, and edges follow."""
    a, b = top.start_origins(t, more="} " + HLS.format(more=OFF).rstrip("} ") )
    publish(t, b)
    hls.wait_list(b.web("/live/a.m3u8"), 2)
    answer = wait_for(lambda: (lambda r: r if r.status == 302 else None)(httpc.fetch(a.web("/live/a.m3u8?x=1"))), 10, "302")
    assert answer.headers["location"] == b.web("/live/a.m3u8?x=1").replace("localhost", "127.0.0.1"), answer.headers
    edge = start_edge(t, a)
    found = hls.wait_list(edge.web("/live/a.m3u8"), 2)
    assert hls.fetch(edge.web("/live/" + found.segments[0].uri)) == hls.fetch(b.web("/live/" + found.segments[0].uri))


def test_players_of_an_edge_are_its_clients(t):
    """An edge gives sessions, asks on_play itself, and obeys its rules; its origin has no player of HLS."""
    h = t.keep(HookServer(say=lambda said: (200, "1" if said["param"] == "?no=1" else "0")))
    origin = start_origin(t, more="")
    edge = start_edge(t, origin, more="", vhost=f"http_hooks {{ enabled on; on_play {h.url()}; }}")
    publish(t, origin)
    child = hls.wait_master(edge.web("/live/a.m3u8?a=1"))
    text = httpc.fetch(edge.web("/live/a.m3u8?a=1")).content.decode()
    assert 'CODECS="avc1.' in text, text
    found = hls.wait_list(child, 2)
    assert "hls_ctx=" in found.segments[0].uri and hls.fetch(urllib.parse.urljoin(child, found.segments[0].uri))
    assert httpc.fetch(edge.web("/live/a.m3u8?no=1")).status == 403
    assert [c["type"] for c in edge.json("/api/v1/clients/")["clients"]].count("hls-play") >= 1
    assert "hls-play" not in [c["type"] for c in origin.json("/api/v1/clients/")["clients"]]


def test_keys_and_secrets(t):
    """With a secret, an edge is trusted by an origin that wants signed links; keys come through it, for those whom it admits."""
    links = "signed_links { enabled on; keys 0123456789abcdef; publish off; }"
    secret = "cluster { secret abcdefghijklmnopqrstuvwxyz; }"
    origin = start_origin(t, more=OFF + "hls_keys on;", vhost=links + secret)
    edge = start_edge(t, origin, more=OFF + "hls_keys on;", cluster="secret abcdefghijklmnopqrstuvwxyz;",
                      vhost="security { enabled on; allow publish all; allow play 127.0.0.1; }")
    publish(t, origin)
    assert wait_for(lambda: httpc.fetch(origin.web("/live/a.m3u8")).status == 403, 10, "a refusal")
    follower = t.keep(hls.Follower(edge.web("/live/a.m3u8")))
    hls.wait_list(edge.web("/live/a.m3u8"), 3)
    follower.stop()
    assert follower.bytes and all(data[0] == 0x47 for data in follower.bytes.values())
    newest = follower.lists[-1].segments[-1]
    for what in ("/live/a.m3u8", newest.uri, newest.key[0]):
        there = urllib.parse.urljoin(edge.web("/live/a.m3u8"), what)
        assert httpc.fetch(there).status == 200, there
        assert status_for("127.0.0.2", there) == 403, there


def status_for(address, url):
    """What a client of that address is answered."""
    return int(subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--interface", address, url],
                              capture_output=True, text=True, timeout=10, check=True).stdout)
