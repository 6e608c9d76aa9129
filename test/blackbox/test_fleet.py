"""scripts/fleet: the servers of a host from one description."""
import os
import re
import signal
import subprocess
import time

import topology as top
from support import SCALE
from support.case import Skip, alone, limit
from support.server import BIN, Process, free_port, free_ports, listening, wait_for
from test_upgrade import is_alive

ONCE = "A Python program is judged, which does with the servers what the cases of process, drain and upgrade do."

SCRIPTS = os.path.join(top.HERE, "..", "..", "scripts")
SCRIPT = os.path.join(SCRIPTS, "fleet")
ORIGIN = """
vhost __defaultVhost__ { cluster { mode local; origin_cluster on; } publish { reconnect_grace 1; } }
"""
EDGE = """
vhost __defaultVhost__ {
    cluster { mode remote; }
    http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }
}
"""


class Fleet:
    """A running `fleet up`, and orders to it."""

    def __init__(self, t, edges=2):
        if subprocess.run(["/usr/bin/python3", "-c", "import yaml"], stderr=subprocess.DEVNULL).returncode:
            raise Skip("python3-yaml is not installed")
        # A path too long for the address of a socket: nobody should need to know that limit.
        self.folder, self.t = t.path("fleet", "in-a-folder-" + "of-a-long-name" * 6), t
        self.rtmp, self.edge, self.http, self.api = free_ports(2), free_port(), free_port(), free_ports(2)
        self.edge_api = free_ports(3)
        self.file = t.path("fleet.yaml")
        for name, text in (("origin.conf", ORIGIN), ("edge.conf", EDGE)):
            with open(t.path(name), "w") as f:
                f.write(text)
        self.program, self.restart = BIN, "{first: 1}"
        self.describe(edges)
        self.up = None

    def describe(self, edges, more=""):
        with open(self.file, "w") as f:
            f.write(f"""
folder: {self.folder}
program: {self.program}
restart: {self.restart}
groups:
  origin:
    count: 2
    conf: {self.t.path("origin.conf")}
    listen: 127.0.0.1:{self.rtmp}
    api: 127.0.0.1:{self.api}
    coworkers: origin
  edge:
    count: {edges}
    conf: {self.t.path("edge.conf")}
    listen: {self.edge}
    http: {self.http}
    shared: yes
    api: 127.0.0.1:{self.edge_api}
    origin: origin
    cpus: [0]
{more}""")

    def start(self):
        self.up = Process([SCRIPT, "up", self.file], self.t.path("up.log"))
        wait_for(lambda: self.order("status")[0] == 0 or not self.up.alive, 20, "a fleet that serves")
        assert self.up.alive, self.up.output()
        return self

    def order(self, *args):
        done = subprocess.run([SCRIPT, args[0], self.file, *args[1:]], capture_output=True, text=True, timeout=90,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def pid(self, name):
        with open(os.path.join(self.folder, name + ".pid")) as f:
            return int(f.read() or 0)

    def rows(self):
        return {line.split()[0]: line.split() for line in self.order("status")[1].splitlines()[1:]}

    def close(self):
        """Called at the end of the case, whatever happened."""
        if self.up and self.up.alive:
            self.up.signal(signal.SIGTERM)
            self.up.wait(40)
        self.up = None


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def test_fleet_runs_and_steers_the_servers_of_a_host(t):
    """scripts/fleet starts two origins and two edges that play, restarts who crashed, reloads, restarts, stops all."""
    fleet = t.keep(Fleet(t)).start()
    rows = fleet.rows()
    assert list(rows) == ["origin-1", "origin-2", "edge-1", "edge-2"], rows
    assert all(r[1] == "serves" for r in rows.values()), rows
    assert os.sched_getaffinity(fleet.pid("edge-1")) == {0}
    t.publish(f"rtmp://127.0.0.1:{fleet.rtmp + 1}/live/x", t.media())
    t.probe(f"rtmp://127.0.0.1:{fleet.edge}/live/x").wait_frames(10)
    killed = fleet.pid("edge-2")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: fleet.pid("edge-2") != killed and fleet.order("status")[0] == 0, 15, "edge-2 again")
    assert fleet.rows()["edge-2"][4] == "1", fleet.rows()
    assert re.search(r"edge-2: ended by signal 9 unasked, starts again", fleet.up.output())
    before = {name: fleet.pid(name) for name in rows}
    fleet.describe(3)
    status, text = fleet.order("reload")
    assert status == 0 and "edge-3: started" in text and "origin-1: reads its configuration again" in text, text
    assert {name: fleet.pid(name) for name in rows} == before
    status, text = fleet.order("restart", "--only", "edge")
    assert status == 0 and fleet.pid("edge-1") != before["edge-1"] and fleet.pid("origin-1") == before["origin-1"], text
    pids = [fleet.pid(name) for name in fleet.rows()]
    status, text = fleet.order("stop")
    assert status == 0 and fleet.up.wait(20) == 0, text
    assert not any(alive(pid) for pid in pids), pids


# Ends at once where it is told to; asked to check a configuration it does that.
CRASHES = """#!/bin/sh
case " $* " in *" -t "*) exec {program} "$@" ;; esac
case $SRS_PID in */edge-1.pid) [ ! -e {flag} ] || exit 3 ;; esac
exec {program} "$@"
"""


def test_fleet_waits_longer_for_what_ends_again_and_again(t):
    """What ends at its start is started again later each time, up to a limit, and status says so; when it has run for a while, the
    wait is the first one again. A program that is not there for a moment costs a wait, too."""
    fleet = t.keep(Fleet(t))
    fleet.program, fleet.restart, flag = t.path("program"), "{first: 0.1, most: 0.4, steady: 1}", t.path("crash")
    with open(fleet.program, "w") as f:
        f.write(CRASHES.format(program=BIN, flag=flag))
    os.chmod(fleet.program, 0o755)
    fleet.describe(2)
    fleet.start()

    def waits(why, name="edge-1"):
        return re.findall(rf"{name}: {why}, starts again in ([\d.]+) s", fleet.up.output())

    def uptime():
        row = fleet.rows()["edge-1"]
        return row[1] == "serves" and row[3] in ("2s", "3s", "4s", "5s")
    open(flag, "w").close()
    os.kill(fleet.pid("edge-1"), signal.SIGKILL)
    wait_for(lambda: len(waits("ended with 3 unasked")) >= 3, 10, "three more starts")
    assert waits("ended by signal 9 unasked") + waits("ended with 3 unasked")[:3] == ["0.1", "0.2", "0.4", "0.4"], fleet.up.output()
    wait_for(lambda: "edge-1: ended with 3 unasked, starts again in 0 s" in fleet.order("status")[1], 10, "the word of status")
    os.unlink(flag)
    wait_for(uptime, 15, "an edge that has run for a while")
    os.kill(fleet.pid("edge-1"), signal.SIGKILL)
    wait_for(lambda: len(waits("ended by signal 9 unasked")) == 2, 5, "its second end")
    assert waits("ended by signal 9 unasked") == ["0.1", "0.1"], fleet.up.output()
    os.rename(fleet.program, fleet.program + ".new")
    os.kill(fleet.pid("edge-2"), signal.SIGKILL)
    wait_for(lambda: waits("could not be started: No such file or directory", "edge-2"), 5, "a start without a program")
    os.rename(fleet.program + ".new", fleet.program)
    wait_for(lambda: fleet.order("status")[0] == 0, 15, "all of them")


@alone
@limit(90)
def test_a_fleet_is_upgraded_under_its_viewers(t):
    """scripts/fleet upgrade replaces two origins and two edges one after the other: encoders at an edge and at an origin stay
    connected, viewers of RTMP and HTTP-FLV behind edges and at an origin lose no frame, and those who come are served; what was
    replaced ends with its last client, or when the fleet is stopped."""
    fleet = t.keep(Fleet(t)).start()
    names = list(fleet.rows())
    before = {name: fleet.pid(name) for name in names}
    media = t.media(20)
    publishers = [t.publish(url, media, mark=True) for url in (f"rtmp://127.0.0.1:{fleet.edge}/live/pushed",
                                                               f"rtmp://127.0.0.1:{fleet.rtmp}/live/direct")]
    viewers = []
    for publisher, name in zip(publishers, ("pushed", "direct")):
        urls = [f"rtmp://127.0.0.1:{fleet.edge}/live/{name}", f"http://127.0.0.1:{fleet.http}/live/{name}.flv"] * 2
        viewers += [(t.probe(url), publisher) for url in urls]
    viewers.append((t.probe(f"rtmp://127.0.0.1:{fleet.rtmp}/live/direct"), publishers[1]))
    for probe, _ in viewers:
        probe.wait_frames(10)
    began = time.monotonic()
    status, text = fleet.order("upgrade")
    assert status == 0, text
    after = {name: fleet.pid(name) for name in names}
    assert not set(before.values()) & set(after.values()), (before, after)
    assert text.splitlines() == [f"{name}: done" for name in names], text
    for name in ("pushed", "direct"):
        t.probe(f"rtmp://127.0.0.1:{fleet.edge}/live/{name}").wait_frames(10)
    now = time.monotonic()
    for probe, publisher in viewers:
        probe.wait_frames(20, after=now)
        assert not probe.ended and publisher.ended is None, probe.url
        probe.stop()
        assert not probe.missing(publisher.sent) and not probe.backwards(), (probe.url, probe.missing(publisher.sent)[:5])
        assert probe.largest_gap_ms(after=began) < 500 * SCALE, (probe.url, probe.gaps(after=began)[:3])
    publishers[1].stop()
    wait_for(lambda: not is_alive(before["origin-1"]), 15, "the end of the first origin")
    assert fleet.order("stop")[0] == 0 and fleet.up.wait(20) == 0
    left = [pid for pid in [*before.values(), *after.values()] if is_alive(pid)]
    assert not left, (left, before, after)


def test_fleet_refuses_what_cannot_work(t):
    """A wrong description or configuration is named with its place, and a running fleet is left as it is."""
    fleet = t.keep(Fleet(t))
    fleet.restart = "{first: 3, most: 2}"
    fleet.describe(2)
    status, text = fleet.order("check")
    assert status == 2 and "first <= most" in text and "Traceback" not in text, text
    fleet.restart = "{first: 1}"
    for more, words in (("    colour: red\n", "'colour' is not known"),
                        (f"  more:\n    conf: x\n    api: {fleet.api}\n", f"port {fleet.api} is `api`"),
                        ("  more:\n    conf: x\n    api: 99999\n", "group more: 99999 is not [host:]port"),
                        ("  more:\n    conf: x\n    api: 4000\n    origin: nobody\n", "no group nobody")):
        fleet.describe(2, more)
        status, text = fleet.order("check")
        assert status == 2 and words in text and "Traceback" not in text, text
    fleet.describe(2)
    status, text = fleet.order("status")
    assert status == 2 and "it is not up" in text, text
    fleet.start()
    before = fleet.pid("edge-1")
    with open(t.path("edge.conf"), "w") as f:
        f.write("vhost __defaultVhost__ { clutser { } }")
    for command in ("reload", "check"):
        status, text = fleet.order(command)
        assert status != 0 and "clutser" in text, text
    assert fleet.order("status")[0] == 0 and fleet.pid("edge-1") == before
    status, text = fleet.order("status", "--only", "nobody")
    assert status == 2 and "edge-1" in text, text


def test_fleet_that_was_killed_takes_over_what_still_runs(t):
    """The death of `fleet up` ends no server: the next one takes them over."""
    fleet = t.keep(Fleet(t)).start()
    before = {name: fleet.pid(name) for name in fleet.rows()}
    fleet.up.kill9()
    assert all(alive(pid) for pid in before.values())
    fleet.start()
    assert {name: fleet.pid(name) for name in fleet.rows()} == before
    assert fleet.rows()["origin-1"][4] == "0"


def test_fleet_writes_units_for_systemd(t):
    """scripts/fleet systemd writes a drop-in for each server, with its settings, and a target that wants them all."""
    fleet = t.keep(Fleet(t))
    status, text = fleet.order("systemd", t.path("units"))
    assert status == 0, text
    with open(t.path("units", "srs@edge-2.service.d", "fleet.conf")) as f:
        unit = f.read()
    assert f'Environment="SRS_HTTP_API_LISTEN=127.0.0.1:{fleet.edge_api + 1}"' in unit and "CPUAffinity=0" in unit
    assert f"127.0.0.1:{fleet.rtmp} 127.0.0.1:{fleet.rtmp + 1}" in unit, unit
    with open(t.path("units", "srs-fleet.target")) as f:
        assert f.read().count("Wants=srs@") == 4


def test_check_host_names_what_is_low(t):
    """scripts/check-host says what a limit means, what mends it, and whether a configuration's ports are free."""
    port = free_port()
    with open(t.path("x.conf"), "w") as f:
        f.write(f"listen {port};\nmax_connections 100;\n")
    command = [os.path.join(SCRIPTS, "check-host"), "-c", t.path("x.conf"), "--name", "localhost"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert re.search(rf"ok +port {port} +free", done.stdout) and "name localhost" in done.stdout, done.stdout
    t.server("one", f"listen {port};\ndaemon off;\nvhost __defaultVhost__ {{ }}\n", wait=False)
    wait_for(lambda: listening(port), 5, "a taken port")
    done = subprocess.run(command + ["--viewers", "900000000"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and re.search(rf"low +port {port} +taken", done.stdout), done.stdout
    assert "LimitNOFILE=900000128" in done.stdout, done.stdout
