"""Another binary takes over in place (SIGUSR2): nobody is refused, and what is published to the old one is there."""
import os
import shutil
import signal
import socket
import threading
import time

import topology as top
from support import SCALE, httpc
from support.case import alone, limit
from support.flv import read_file
from support.server import BIN, wait_for

UPGRADES = 3


def pid_of(server):
    with open(os.path.join(server.folder, server.name + ".pid"), encoding="ascii") as f:
        return int(f.read() or 0)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Generations:
    """All processes that a server has become. close() ends those that are left."""

    def __init__(self, t, server):
        self.server, self.pids = server, [server.pid]
        t.keep(self)

    def upgrade(self):
        before = pid_of(self.server)
        os.kill(before, signal.SIGUSR2)
        wait_for(lambda: pid_of(self.server) not in (0, before), 15, "the pid file of the new process")
        self.pids.append(pid_of(self.server))
        wait_for(lambda: httpc.fetch(self.server.api_url("/readyz")).status == 200, 5, "readiness")
        return self.pids[-1]

    def drain(self):
        """What the API of the newest one says of its end, and of the one before it."""
        return self.server.json("/api/v1/drain")["data"]

    def close(self, _failed=False):
        for pid in reversed(self.pids):
            if is_alive(pid):
                os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not any(is_alive(p) for p in self.pids[1:]), 10, "the end of all generations")
        self.server.stopped = True
        self.server.wait(10)

    stop = close


class Knocker(threading.Thread):
    """Connects again and again; what fails is kept."""

    def __init__(self, port, pause=0.005):
        super().__init__(daemon=True)
        self.port, self.pause, self.failed, self.count, self.stopping = port, pause, [], 0, False
        self.start()

    def run(self):
        while not self.stopping:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                    s.sendall(b"\x03" + bytes(1536))
                    assert s.recv(1) == b"\x03"
                self.count += 1
            except (OSError, AssertionError) as e:
                self.failed.append(repr(e))
            time.sleep(self.pause)

    def stop(self):
        self.stopping = True
        self.join(10)


@alone
@limit(60)
def test_upgrades_under_players_and_encoders(t):
    """An origin is upgraded three times under encoders and players, direct and through edges: no connection is refused,
    viewers behind an edge see no gap above 500 ms and lose no frame, encoders through an edge stay connected, and a
    stream that is still published to the first process is played to newcomers at the last."""
    origin = t.server("origin", top.local(publish="reconnect_grace 2;", top="grace_final_wait 10;"))
    generations = Generations(t, origin)
    push_edge, pull_edge = (top.start_edge(t, origin, name=n) for n in ("in", "out"))
    media = read_file(t.media(20))
    pushed = [t.publish(push_edge.url(f"live/p{n}"), media, mark=True) for n in range(3)]
    direct = t.publish(origin.url("live/direct"), media, mark=True)
    for n in range(3):
        origin.wait_live(f"p{n}")
    behind = [t.probe(pull_edge.url(f"live/p{n}")) for n in range(3)]
    of_direct = t.probe(pull_edge.url("live/direct"))
    player = t.probe(origin.flv("live/direct"))
    for p in behind + [of_direct, player]:
        p.wait_frames(10)
    knocker, began = Knocker(origin.rtmp), time.monotonic()
    for n in range(UPGRADES):
        generations.upgrade()
        for i in range(3):
            origin.wait_live(f"p{i}", 10)       # pushed to the new one by now
        newcomer = t.probe(origin.flv("live/direct"))
        newcomer.wait_frames(10)
        newcomer.stop()
        t.probe(origin.url("live/direct")).wait_frames(5)
    knocker.stop()
    assert not knocker.failed and knocker.count > 20, (knocker.failed[:3], knocker.count)
    assert direct.ended is None and all(p.ended is None for p in pushed)
    after = time.monotonic()
    for p in behind + [of_direct, player]:
        p.wait_frames(20, after=after)
        p.stop()
    for p, publisher in zip(behind + [of_direct], pushed + [direct]):
        assert p.largest_gap_ms(after=began) < 500 * SCALE, (p.url, p.gaps(after=began)[:3])
        assert not p.missing(publisher.sent), (p.url, p.missing(publisher.sent)[:5])
        assert not p.backwards()
    # The middle ones stand between the newest and the first, which ends with its encoder; then they end.
    assert is_alive(generations.pids[0])
    direct.stop()
    wait_for(lambda: not any(is_alive(p) for p in generations.pids[1:-1]), 10, "the end of the middle ones")
    assert origin.wait(10) == 0
    assert is_alive(generations.pids[-1]) and origin.is_live("p0")


def test_a_new_binary_that_does_not_start_changes_nothing(t):
    """A configuration with an error, and a port that is taken: the old one goes on."""
    origin = t.server("origin", top.local(publish="reconnect_grace 0;"))
    publisher = t.publish(origin.url("live/x"))
    probe = t.probe(origin.url("live/x")).wait_frames(5)
    good, pid = origin.conf, pid_of(origin)
    for n, bad in enumerate((good + "\nnonsense on;\n", good.replace("listen ", "listen 127.0.0.1:" + str(
            origin.api) + " ", 1)), 1):
        with open(origin.conf_path, "w", encoding="utf-8") as f:
            f.write(bad)
        origin.signal(signal.SIGUSR2)
        wait_for(lambda n=n: origin.log().count("nothing has changed") == n, 10, "the failure")
    assert pid_of(origin) == pid and origin.alive and publisher.ended is None and not probe.ended
    with open(origin.conf_path, "w", encoding="utf-8") as f:
        f.write(good)
    t.probe(origin.url("live/x")).wait_frames(5)
    assert origin.json("/api/v1/drain")["data"]["state"] == "off"


def replace(path, content, mode):
    """Puts a new file there, as a package does; None: there is none any more."""
    os.unlink(path)
    if content is not None:
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, mode)


def test_a_file_that_is_no_program_changes_nothing(t):
    """A text, a program without the right to run it, a script that ends, and no file at all in the place of the program: the old
    process goes on, its log says why, and a program that is put there then takes over."""
    program = t.path("program")
    shutil.copy2(BIN, program)
    with open(BIN, "rb") as f:
        good = f.read()
    origin = t.server("origin", top.local(publish="reconnect_grace 0;"), program=program)
    generations = Generations(t, origin)
    publisher = t.publish(origin.url("live/x"), mark=True)
    probe = t.probe(origin.url("live/x")).wait_frames(5)
    for n, (content, mode, why) in enumerate(((b"words\n", 0o755, "Exec format error"), (good, 0o644, "Permission denied"),
                                              (b"#!/bin/sh\nexit 0\n", 0o755, "it has ended"),
                                              (b"", 0o755, "Exec format error")), 1):
        replace(program, content, mode)
        origin.signal(signal.SIGUSR2)
        wait_for(lambda n=n: origin.log().count("nothing has changed") == n, 10, "the failure")
        line = [text for text in origin.log().splitlines() if "nothing has changed" in text][-1]
        assert why in line, (why, line)
    replace(program, None, 0)
    origin.signal(signal.SIGUSR2)
    origin.wait_log("no upgrade: cannot start .*: No such file or directory; nothing has changed")
    assert pid_of(origin) == origin.pid and origin.json("/api/v1/drain")["data"]["state"] == "off"
    assert publisher.ended is None and not probe.ended
    with open(program, "wb") as f:
        f.write(good)
    os.chmod(program, 0o755)
    generations.upgrade()
    t.probe(origin.url("live/x")).wait_frames(5)
    probe.wait_frames(5, after=time.monotonic())
    probe.stop()
    assert not probe.missing(publisher.sent), probe.missing(publisher.sent)[:5]


def test_an_encoder_that_comes_back_reaches_the_new_one(t):
    """After an upgrade an encoder that reconnects publishes to the new process, what is left of it at the old one goes,
    and a player of the old one that watches it stays."""
    origin = t.server("origin", top.local(publish="reconnect_grace 2;", top="grace_final_wait 10;"))
    generations = Generations(t, origin)
    first = t.publish(origin.url("live/x"))
    watcher = t.probe(origin.url("live/x")).wait_frames(5)
    generations.upgrade()
    assert generations.drain()["former"]["pid"] == generations.pids[0]
    second = t.publish(origin.url("live/x"))
    origin.wait_live("x")
    wait_for(lambda: first.ended is not None, 6, "the end of the first connection")
    watcher.wait_frames(20, after=time.monotonic())
    watcher.stop()
    assert origin.wait(15) == 0
    assert second.ended is None and origin.is_live("x")
