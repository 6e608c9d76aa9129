"""An upgrade in place (SIGUSR2) at a bad moment: beside reloads, as the server is stopped, when the new process
does not end."""
import contextlib
import ctypes
import os
import re
import signal
import time

import topology as top
from support import SCALE, gb, httpc
from support.case import Skip, limit
from support.server import free_port, wait_for
from test_upgrade import Generations, is_alive, pid_of

PTRACE_SEIZE = 0x4206
RELOAD_SECONDS = 0.005
QUIET = gb.CONF % ("media udp;", "") + "grace_final_wait 10;\n"


def write(server, text):
    """At once: a process that starts must not find half of it."""
    new = server.conf_path + ".new"
    with open(new, "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(new, server.conf_path)


def camera_of_udp(t, server):
    """One that is told good-bye when the SIP port is left, which takes a moment."""
    camera = gb.Camera(t, server, transport="udp", media="udp")
    server.wait_live(camera.id)


def reloads_of_an_upgrade(edge, generations, plain, more):
    """Upgrades, and reloads one configuration and the other until the new process has taken over. Returns how often."""
    old, before = pid_of(edge), edge.log().count("has taken over;")
    os.kill(old, signal.SIGUSR2)
    turn, end = 0, time.monotonic() + 20 * SCALE
    while edge.log().count("has taken over;") == before and is_alive(old) and time.monotonic() < end:
        turn += 1
        write(edge, more if turn % 2 else plain)
        with contextlib.suppress(ProcessLookupError):     # it has ended just now
            os.kill(old, signal.SIGHUP)
        time.sleep(RELOAD_SECONDS)
    write(edge, plain)
    wait_for(lambda: pid_of(edge) not in (0, old), 5, "the pid file of the new process")
    generations.pids.append(pid_of(edge))
    os.kill(generations.pids[-1], signal.SIGHUP)
    wait_for(lambda: edge.log().count("has taken over;") > before, 5, f"the word of the old process after {turn} reloads")
    return turn


@limit(120)
def test_reloads_beside_an_upgrade(t):
    """Reloads that open and close a port, one after the other, while an edge hands over: it goes on to its orderly end, and the new
    process listens where it should."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin, top="grace_final_wait 1;" + QUIET)
    camera_of_udp(t, edge)
    generations, plain = Generations(t, edge), edge.conf
    more = plain.replace("listen ", f"listen 127.0.0.1:{free_port()} ", 1)
    turns = []
    while sum(turns) <= 10:         # a busy machine may have taken over before there were enough
        assert len(turns) < 8, turns
        turns.append(reloads_of_an_upgrade(edge, generations, plain, more))
        wait_for(lambda: httpc.fetch(edge.api_url("/readyz")).status == 200, 10, "the new process")
    t.publish(edge.url("live/x"))
    t.probe(edge.url("live/x")).wait_frames(5)
    assert edge.wait(15) == 0


@limit(90)
def test_a_stop_as_the_ports_are_left(t):
    """SIGTERM just before, while and after the old process leaves its ports: its end is an orderly one, and the new process serves, or
    has ended too if it had not taken over."""
    for n, delay in enumerate((0, 0.002, 0.004, 0.008, 0.016)):
        s = t.server(f"srs{n}", top.conf("play { mw_latency 50; }", top=QUIET))
        camera_of_udp(t, s)
        generations, before = Generations(t, s), s.log().count("origin: RTMP")
        os.kill(s.pid, signal.SIGUSR2)
        found = wait_for(lambda s=s: re.search(r"is started as process (\d+)", s.log()), 10, "the new process")
        generations.pids.append(int(found.group(1)))
        wait_for(lambda s=s, n=before: s.log().count("origin: RTMP") > n, 15, "its ports", 0.002)
        time.sleep(delay)       # not to wait for something, but to hit another moment
        os.kill(s.pid, signal.SIGTERM)
        assert s.wait(20) == 0, s.tail()
        if "has taken over;" in s.log():
            wait_for(lambda s=s: pid_of(s) == generations.pids[-1], 5, "the pid file of the new process")
            assert httpc.fetch(s.api_url("/readyz")).status == 200
        else:
            wait_for(lambda g=generations: not is_alive(g.pids[-1]), 5, "the end of the new process")
        generations.close()


def test_the_end_of_the_new_process_leaves_nothing(t):
    """The new process is killed after it has taken over: it is no zombie, and the old one names it no more."""
    s = t.server("srs", top.conf(top="grace_final_wait 10;"))
    generations = Generations(t, s)
    t.publish(s.url("live/x"))
    s.wait_live("x")
    newest = generations.upgrade()
    api = generations.drain()["former"]["api"]

    def of_old():
        return httpc.fetch_json(f"http://{api}/api/v1/drain")["data"]
    assert of_old()["next"]["pid"] == newest
    os.kill(newest, signal.SIGKILL)
    wait_for(lambda: "which had taken over, has ended" in s.log(), 10, "the news")
    wait_for(lambda: not os.path.exists(f"/proc/{newest}"), 5, "the end of the zombie")
    assert "next" not in of_old()


def test_a_new_process_that_cannot_be_reaped_stops_nothing(t):
    """The new process fails, but does not leave the list of processes (a debugger holds it, as a disk that hangs would): streams of the
    old one go on, and another upgrade works."""
    libc = ctypes.CDLL(None, use_errno=True)
    s = t.server("srs", top.conf(top="grace_final_wait 10;"))
    generations = Generations(t, s)
    t.publish(s.url("live/x"))
    probe, good = t.probe(s.url("live/x")).wait_frames(5), s.conf
    os.unlink(s.conf_path)
    os.mkfifo(s.conf_path)
    os.kill(s.pid, signal.SIGUSR2)
    found = wait_for(lambda: re.search(r"is started as process (\d+)", s.log()), 10, "the new process")
    with open(s.conf_path, "w", encoding="utf-8") as f:         # it is there, and reads
        if libc.ptrace(PTRACE_SEIZE, int(found.group(1)), None, None) != 0:
            raise Skip("no process may be traced here")
        f.write("nonsense on;\n")
    os.unlink(s.conf_path)
    write(s, good)
    wait_for(lambda: "nothing has changed" in s.log(), 10, "the failure")
    probe.wait_frames(20, after=time.monotonic())
    assert httpc.fetch(s.api_url("/readyz")).status == 200
    generations.upgrade()
    os.waitpid(int(found.group(1)), 0)
    wait_for(lambda: not os.path.exists(f"/proc/{found.group(1)}"), 5, "the end of the one that failed")
