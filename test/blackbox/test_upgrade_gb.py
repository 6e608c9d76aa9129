"""Cameras of GB28181 over an upgrade in place (SIGUSR2): those of UDP are the next process's at once, those of TCP stay while they
send."""
import time

import topology as top
from support import SCALE, gb
from support.case import alone
from support.chaos import Numbers
from support.rtmp import VIDEO
from support.server import wait_for
from test_upgrade import Generations, is_alive

TOP = "grace_final_wait 10;\n"
ON_DEMAND = "invite on_demand; idle 2; reinvite 0.5; timeout 5;"


def start(t, caster="", sip=""):
    s = t.server("srs", top.conf("play { mw_latency 50; }", top=TOP + gb.CONF % (caster, sip)))
    return s, Generations(t, s)


def is_online(s, camera):
    found = [d for d in gb.api(s)["devices"] if d["id"] == camera.id]
    return bool(found and found[0]["online"])


def test_a_camera_of_udp_is_called_by_the_new_process(t):
    """A camera that is reached by UDP is told good-bye and called by the new process at once, without a registration: a viewer behind
    an edge and one at the server wait less than a second for pictures, whichever way media comes."""
    for media in ("tcp", "udp"):
        s, generations = start(t, f"media {media};")
        edge = top.start_edge(t, s, name=f"edge-{media}")
        camera = gb.Camera(t, s, transport="udp", media=media)
        s.wait_live(camera.id)
        probes = [t.probe(x.url("live/" + camera.id)).wait_frames(10) for x in (edge, s)]
        numbers = t.keep(Numbers(t, f"cameras of UDP, media by {media}", "< 1 s behind an edge"))
        numbers.path = t.path(f"numbers-{media}.json")
        for n in range(2, 4):
            began = time.monotonic()
            generations.upgrade()
            camera.sip.wait_invite(n)
            s.wait_live(camera.id)
            for p, where in zip(probes, ("behind an edge", "at the server")):
                p.wait_frames(30, after=time.monotonic())
                numbers.add("gap " + where, p.largest_gap_ms(VIDEO, after=began), 1000)
            assert is_online(s, camera) and len(camera.sip.byes()) == n - 1
        assert not any(p.ended for p in probes)
        for p in probes:
            p.stop()
        wait_for(lambda g=generations: not is_alive(g.pids[0]), 15, "the end of the first process")
        camera.close()
        generations.close()


def test_cameras_of_udp_that_wait_are_found_at_the_new_process(t):
    """On demand: a camera that nobody watched is called by the new process when somebody does, though it has not spoken since."""
    s, generations = start(t, sip=ON_DEMAND)
    camera = gb.Camera(t, s, transport="udp")
    assert is_online(s, camera)
    generations.upgrade()
    wait_for(lambda: not is_alive(generations.pids[0]), 15, "the end of the old process")
    assert is_online(s, camera) and not camera.sip.invites()
    t.probe(s.url("live/" + camera.id)).wait_frames(10).stop()
    wait_for(camera.sip.byes, 10, "the good-bye when nobody watches")


@alone
def test_cameras_of_tcp_stay_while_they_send(t):
    """A recorder of which a channel is watched, behind an edge, keeps its connection to the old process: the channel goes on without a
    gap and is played to newcomers. A camera that waits is disconnected, registers at the new process and is called there. When nobody
    watches the recorder any more, it goes to the new one as well, where its other channel is to be had."""
    s, generations = start(t, sip=ON_DEMAND)
    channels = [gb.device_id(131) for _ in range(2)]
    recorder, idle = gb.Camera(t, s, channels=channels), gb.Camera(t, s)
    wait_for(lambda: len(gb.api(s, recorder.id)["channels"]) == 2, 5, "the channels")
    edge = top.start_edge(t, s)
    first = t.probe(edge.url("live/" + channels[0])).wait_frames(10)
    began = time.monotonic()
    generations.upgrade()
    wait_for(lambda: not idle.sip.thread.is_alive(), 5, "the end of the connection of the one that waits")
    idle.sip.connect()
    assert idle.sip.register(new_life=True).status == 200
    t.probe(s.url("live/" + idle.id)).wait_frames(10)
    t.probe(s.url("live/" + channels[0])).wait_frames(10)
    first.wait_frames(20, after=time.monotonic())
    assert first.largest_gap_ms(VIDEO, after=began) < 500 * SCALE, first.gaps(VIDEO, after=began)[:3]
    assert len(recorder.sip.invites()) == 1 and not recorder.sip.byes()
    for thing in t.things:
        if hasattr(thing, "frames") and hasattr(thing, "url") and not thing.ended:
            thing.stop()
    assert first.ended
    wait_for(lambda: not recorder.sip.thread.is_alive(), 15, "the end of the recorder's connection")
    recorder.sip.connect()
    assert recorder.sip.register(new_life=True).status == 200
    wait_for(lambda: not is_alive(generations.pids[0]), 15, "the end of the old process")
    t.probe(s.url("live/" + channels[1])).wait_frames(10)
