"""Which stream a name means: dots, extensions, escapes, users, the case of hosts; over RTMP, HTTP and in questions."""
import json
import urllib.request

import topology as top
from support import rtmp
from support.rtmp import Message
from support.server import wait_for

NOT_FOUND = "NetStream.Play.StreamNotFound"


def publish(t, s, name, tc_url=None):
    c = t.client(s.url("live/x"))
    c.connect(**({"tcUrl": tc_url} if tc_url else {}))
    c.publish(name)
    return c


def play(t, s, name, tc_url=None):
    c = t.client(s.url("live/x"))
    c.connect(**({"tcUrl": tc_url} if tc_url else {}))
    c.play(name)
    return c


def playing(t, s, name):
    """One that has been told that it plays: what is sent from now on reaches it."""
    player = play(t, s, name)
    player.wait_status("NetStream.Play.Start")
    return player


def hears(player, publisher, mark, what):
    """The player gets what this publisher sends."""
    body = b"\xaf\x01" + mark.encode()
    publisher.send(Message(rtmp.AUDIO, 0, publisher.sid, body))
    got = player.wait(lambda m: m.type == rtmp.AUDIO)
    assert got.payload == body, (what, got.payload)


def test_what_stands_behind_a_dot_is_part_of_a_name(t):
    """Two cameras that are named by their addresses are two streams, each with its own viewers."""
    s = t.server("srs", top.local())
    names = ["192.168.1.10", "192.168.1.11", "192.168.1"]
    cameras = [publish(t, s, name) for name in names]
    players = [play(t, s, name) for name in names]
    for name, camera, player in zip(names, cameras, players):
        player.wait_status("NetStream.Play.Start")
        hears(player, camera, name, name)


def test_a_known_extension_is_cut_when_nobody_has_the_exact_name(t):
    """cam.flv is cam, and cam.m3u8 too, until somebody publishes cam.flv; cam.old is a name of its own."""
    a, b = top.start_origins(t)
    cam = publish(t, a, "cam")
    for name in ("cam.flv", "cam.m3u8", "cam"):
        hears(playing(t, a, name), cam, name, name)
    exact = publish(t, a, "cam.flv")
    hears(playing(t, a, "cam.flv"), exact, "exact", "the exact name")
    hears(playing(t, a, "cam"), cam, "cut", "the name without it")
    assert play(t, a, "cam.old").wait_status().code == NOT_FOUND


def test_coworkers_are_asked_for_the_exact_name_too(t):
    """The coworker that has cam is found by cam.ts and not by cam.old; to a publisher it has no cam.ts."""
    a, b = top.start_origins(t)
    publish(t, b, "cam")
    status = play(t, a, "cam.ts").wait_status()
    assert status.code == "NetConnection.Connect.Rejected", status
    assert status.info["ex"]["redirect2"].split("?")[0] == b.url("live/cam.ts"), status
    assert play(t, a, "cam.old").wait_status().code == NOT_FOUND
    publish(t, a, "cam.ts")


def test_the_exact_name_at_a_coworker_goes_first(t):
    """An origin that has cam sends players of cam.flv to the coworker that has this very name, at an edge too."""
    a, b = top.start_origins(t)
    edge = top.start_edge(t, a, b)
    cam = publish(t, a, "cam")
    hears(playing(t, a, "cam.flv"), cam, "cut", "nobody has the exact name")
    exact = publish(t, b, "cam.flv")
    status = wait_for(lambda: moved(t, a), 5, "the answer that nobody has it to expire")
    assert status.info["ex"]["redirect2"].split("?")[0] == b.url("live/cam.flv"), status
    for name, publisher in (("cam", cam), ("cam.flv", exact)):
        assert heard_by(play(t, edge, name), publisher, name) == name.encode()


def heard_by(player, publisher, mark):
    """What the player hears first while the publisher repeats its mark."""
    def hear():
        publisher.send(Message(rtmp.AUDIO, 0, publisher.sid, b"\xaf\x01" + mark.encode()))
        try:
            return player.wait(lambda m: m.type == rtmp.AUDIO, timeout=0.1).payload[2:]
        except rtmp.Timeout:
            return None
    return wait_for(hear, 10, "sound")


def moved(t, s):
    """The status that sends a player of cam.flv elsewhere; None when it plays."""
    status = play(t, s, "cam.flv").wait_status()
    return status if status.code == "NetConnection.Connect.Rejected" else None


def test_an_edge_asks_its_origin_for_the_exact_name(t):
    """What an origin has as cam is played at an edge as cam.flv, over RTMP and HTTP."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin)
    cam = publish(t, origin, "cam")
    hears(playing(t, edge, "cam.flv"), cam, "edge", "at an edge")


def test_names_are_decoded_over_rtmp_as_over_http(t):
    """What was published as caf%C3%A9 is played by its escaped and its plain name, at an edge too; what is no
    escape is a name."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin)
    for published, names in (("caf%C3%A9", ("café", "caf%c3%a9")), ("50%25off", ("50%25off", "50%off")),
                             ("a%2541", ("a%2541",)), ("100%", ("100%", "100%25"))):
        c = publish(t, origin, published)
        for s in (origin, edge):
            for name in names:
                player = playing(t, s, name)
                hears(player, c, name, (published, name, s.name))
                player.close()
    with urllib.request.urlopen(f"http://127.0.0.1:{origin.http}/live/caf%C3%A9.flv", timeout=5) as answer:
        assert answer.status == 200


def test_a_user_in_the_url_is_no_part_of_the_host(t):
    """rtmp://user:password@host/app works, and the API does not show the password."""
    s = t.server("srs", top.local())
    publish(t, s, "x", f"rtmp://me:pass%40word@127.0.0.1:{s.rtmp}/live")
    clients = json.dumps(s.json("/api/v1/clients/"))
    assert f"rtmp://127.0.0.1:{s.rtmp}/live" in clients and "word" not in clients, clients
    assert "word@" not in s.log() and "pass%40" not in s.log()


def test_hosts_have_no_case(t):
    """V.Example., v.example and the configured V.EXAMPLE are one vhost."""
    s = t.server("srs", top.local() + "vhost V.EXAMPLE { }\n")
    c = publish(t, s, "x", "rtmp://v.example/live")
    player = play(t, s, "x", "rtmp://V.Example./live")
    player.wait_status("NetStream.Play.Start")
    hears(player, c, "vhost", "the vhost")
    other = play(t, s, "x?vhost=v.EXAMPLE")
    other.wait_status("NetStream.Play.Start")
    hears(other, c, "query", "the query")
