"""GB28181: several stream_caster blocks in one process, each with ports of its own."""
import signal

import topology as top
from support import gb, srt
from support.server import free_port, wait_for

BLOCK = """
stream_caster {name} {{ enabled on; caster gb28181; output rtmp://127.0.0.1/{app}/[stream]; listen 127.0.0.1:{media}; media {by};
    sip {{ enabled on; listen 127.0.0.1:{sip}; password {password}; invite on_demand; idle 1; reinvite 0.5; timeout 5; }} }}
"""


def block(name, app="live", by="tcp", password="of-all", sip=None, media=None):
    return {"name": name, "app": app, "by": by, "password": password, "sip": sip or free_port(), "media": media or free_port()}


def start(t, *blocks):
    return t.server("srs", top.conf("play { mw_latency 50; }", top="".join(BLOCK.format(**b) for b in blocks)))


def reload(s, *blocks):
    """Another set of blocks."""
    rest = s.conf[s.conf.index("vhost "):]
    head = s.conf[:s.conf.index("stream_caster")]
    s.write_conf(head + "".join(BLOCK.format(**b) for b in blocks) + rest)
    s.signal(signal.SIGHUP)


def pictures(t, url):
    probe = t.probe(url)
    wait_for(lambda: len(srt.pictures(probe.messages)) > 5, 10, f"pictures of {url}")
    return probe


def casters(s):
    return {c["name"]: c for c in gb.api(s)["gb28181"]["casters"]}


def test_two_casters_in_one_process(t):
    """Two casters with ports, passwords, ways of media and applications of their own: cameras of both are called and played, the
    password of one does not open the other, and the API tells them apart; both say good-bye when the server ends."""
    north, south = block("north", "north", password="a-northern-word"), block("south", "south", "udp", "a-southern-word")
    s = start(t, north, south)
    cameras = [gb.Camera(t, s, sip_port=b["sip"], password=b["password"], media=b["by"]) for b in (north, south)]
    for camera, b in zip(cameras, (north, south)):
        pictures(t, s.url(f"{b['app']}/{camera.id}"))
        offer = gb.Offer(camera.sip.invites()[0])
        assert offer.port == b["media"], offer.port
        assert gb.api(s, camera.id)["caster"] == b["name"]
    assert {n: (c["devices"], c["online"], c["calls"]) for n, c in casters(s).items()} == {"north": (1, 1, 1), "south": (1, 1, 1)}
    assert gb.api(s)["gb28181"]["devices"] == 2 and len(gb.api(s)["devices"]) == 2
    stranger = t.keep(gb.Sip(north["sip"], password=south["password"]))
    assert stranger.register().status == 403
    s.stop()
    for camera in cameras:
        wait_for(camera.sip.byes, 5, "the good-bye")


def test_casters_come_and_go_by_reload(t):
    """A reload takes one caster away, whose cameras are told good-bye, and brings it back at other ports; a camera of the other one,
    which is given another name meanwhile, is watched without a gap."""
    north, south = block("north"), block("south", by="udp")
    s = start(t, north, south)
    a, b = [gb.Camera(t, s, sip_port=x["sip"], password="of-all", media=x["by"]) for x in (north, south)]
    watched = pictures(t, s.url("live/" + a.id))
    pictures(t, s.url("live/" + b.id))
    reload(s, north)
    wait_for(b.sip.byes, 5, "the good-bye of the caster that went")
    wait_for(lambda: not casters(s)["south"]["enabled"] and not gb.api(s, b.id)["online"], 5, "off line")
    south = block("south", by="udp")
    reload(s, north, south)
    wait_for(lambda: casters(s)["south"]["enabled"], 5, "the caster again")
    again = gb.Camera(t, s, user=b.id, sip_port=south["sip"], password="of-all", media="udp")
    pictures(t, s.url("live/" + again.id))
    assert gb.Offer(again.sip.invites()[0]).port == south["media"]
    before = len(watched.messages)
    watched.wait(lambda _: len(watched.messages) > before + 50, 5)
    assert not a.sip.byes() and len(a.sip.invites()) == 1
    ats = [m.at for m in watched.messages if m.type == 9]
    assert max(y - x for x, y in zip(ats, ats[1:])) < 1.5


def test_a_caster_is_given_another_name(t):
    """The ports of a caster go to one of another name, TCP and UDP: cameras register and are played there."""
    one = block("one", by="udp")
    s = start(t, one)
    other = dict(one, name="other")
    reload(s, other)
    wait_for(lambda: casters(s).get("other", {}).get("enabled"), 5, "the other name")
    for transport in ("tcp", "udp"):
        camera = gb.Camera(t, s, transport=transport, sip_port=one["sip"], password="of-all", media="udp")
        pictures(t, s.url("live/" + camera.id))
        assert gb.api(s, camera.id)["caster"] == "other"


def test_casters_that_cannot_be_told_apart_are_refused(t):
    """Two blocks of one name, or with one port, are mistakes of the file."""
    s = start(t, block("north"))
    north, south = block("north"), block("south")
    for blocks, words in (((north, block("north")), "have the same name"), ((north, dict(south, sip=north["sip"])), "ports of its own"),
                          ((north, dict(south, media=north["sip"])), "ports of its own"), ((block(""), block("")), "have the same name")):
        before = s.log().count(words)
        reload(s, *blocks)
        wait_for(lambda w=words, n=before: s.log().count(w) > n, 5, words)
    assert casters(s)["north"]["enabled"] and len(casters(s)) == 1
