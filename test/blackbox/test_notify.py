"""What a service manager is told (sd_notify): a socket of the case's stands in for systemd's."""
import array
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time

import topology as top
from support.server import BIN, wait_for
from test_upgrade import Generations, is_alive

# As sd_listen_fds(3) has it: descriptors from 3 on, and the process they are for.
START = """import os, sys
fds = [int(x) for x in sys.argv[1].split(",")]
for i, fd in enumerate(fds):
    os.dup2(fd, 100 + i)
for i in range(len(fds)):
    os.dup2(100 + i, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(["listen"] * len(fds)))
os.execv(sys.argv[2], [sys.argv[2], "-c", sys.argv[3]])
"""


class Manager:
    """Hears messages with the process that sends them, and keeps descriptors: those of the last FDSTORE."""

    def __init__(self, t, name=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = name or os.path.join("/tmp", f"notify-{os.getpid()}-{id(self)}")
        self.socket.bind(self.address.replace("@", "\0", 1))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.messages, self.store = [], []
        t.keep(self)

    def hear(self):
        """All (pid, text) so far."""
        while select.select([self.socket], [], [], 0)[0]:
            data, more, _flags, _from = self.socket.recvmsg(4096, 4096)
            text, fds, pid = data.decode(), array.array("i"), 0
            for _level, kind, content in more:
                if kind == socket.SCM_RIGHTS:
                    fds.frombytes(content)
                elif kind == socket.SCM_CREDENTIALS:
                    pid = struct.unpack("3i", content)[0]
            lines = text.split("\n")
            assert "FDSTORE=1" in lines or not fds, text
            if "FDSTOREREMOVE=1" in lines:
                self.forget()
            self.store += [socket.socket(fileno=fd) for fd in fds]
            self.messages.append((pid, lines))
        return self.messages

    def forget(self):
        for sock in self.store:
            sock.close()
        self.store = []

    def ports(self):
        self.hear()
        assert all(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for s in self.store)
        return sorted(s.getsockname()[1] for s in self.store)

    def wait(self, line, pid, since=0, seconds=10):
        """Until that process has said so; returns all lines of the message."""
        def found():
            return next((lines for who, lines in self.hear()[since:] if who == pid and line in lines), None)
        return wait_for(found, seconds, f"{line} of {pid}: {self.messages}")

    def close(self, _failed=False):
        self.socket.close()
        self.forget()
        if not self.address.startswith("@"):
            os.unlink(self.address)

    stop = close


def start(t, manager, **env):
    return t.server("srs", top.local(top="grace_final_wait 10;"), env={"NOTIFY_SOCKET": manager.address, **env})


def test_a_manager_hears_of_start_reload_and_end(t):
    """READY with the process and its listening sockets, RELOADING and READY around each reload, good or bad, STOPPING."""
    manager = Manager(t)
    s = start(t, manager)
    assert f"MAINPID={s.pid}" in manager.wait("READY=1", s.pid)
    wait_for(lambda: manager.ports() == sorted((s.rtmp, s.http, s.api)), 5, "the sockets")
    good = s.conf
    for text in ("chunk_size 4096;\n" + good, "nonsense;\n" + good, good):
        since, now = len(manager.hear()), time.monotonic()
        s.write_conf(text.replace("$", "$$"))
        s.signal(signal.SIGHUP)
        lines = manager.wait("RELOADING=1", s.pid, since)
        told = next(int(line.split("=")[1]) for line in lines if line.startswith("MONOTONIC_USEC="))
        assert now - 1 < told / 1e6 < time.monotonic() + 1, (told, now)
        manager.wait("READY=1", s.pid, since)
        wait_for(lambda: len(manager.ports()) == 3, 5, "the sockets")
    s.stop()
    manager.wait("STOPPING=1", s.pid)


def test_the_main_process_moves_at_an_upgrade(t):
    """The old process names the new one and is silent from then on, whatever becomes of it; the watchdog is fed by each."""
    manager = Manager(t, f"@srs-test-{os.getpid()}-{time.monotonic_ns()}")
    s = start(t, manager, WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    manager.wait("WATCHDOG=1", s.pid)
    publisher = t.publish(s.url("live/x"))
    s.wait_live("x")
    generations = Generations(t, s)
    since = len(manager.hear())
    new = generations.upgrade()
    manager.wait(f"MAINPID={new}", s.pid, since)
    manager.wait("READY=1", new, since)
    since = len(manager.hear())
    for _ in range(3):
        manager.wait("WATCHDOG=1", new, since)
        since = len(manager.hear())
    wait_for(lambda: len(manager.ports()) == 3, 5, "the sockets")
    since = len(manager.hear())
    publisher.stop()
    wait_for(lambda: not is_alive(s.pid), 15, "the end of the old process")
    assert not [m for m in manager.hear()[since:] if m[0] == s.pid], manager.messages
    os.kill(new, signal.SIGTERM)
    manager.wait("STOPPING=1", new)


def test_connections_wait_for_a_server_that_has_died(t):
    """The sockets in the manager's store are those of the next start, and whoever connected meanwhile is served."""
    manager = Manager(t)
    s = start(t, manager)
    wait_for(lambda: len(manager.ports()) == 3, 5, "the sockets")
    s.kill9()
    waiting = socket.create_connection(("127.0.0.1", s.http), timeout=5)
    waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    fds = [sock.fileno() for sock in manager.store]
    since = len(manager.hear())
    with subprocess.Popen(["python3", "-c", START, ",".join(map(str, fds)), BIN, s.conf_path], pass_fds=fds, cwd=s.folder,
                          env=dict(os.environ, NOTIFY_SOCKET=manager.address)) as again:
        try:
            manager.wait("READY=1", again.pid, since)
            assert waiting.recv(100).startswith(b"HTTP/1.1 200")
            assert re.findall(r"descriptor \d+ .*inherited", s.log()) == []
            wait_for(lambda: len(manager.ports()) == 3, 5, "the sockets")
            again.send_signal(signal.SIGQUIT)       # drained: others may have its clients
            manager.wait("STOPPING=1", again.pid, since)
        finally:
            again.kill()
    waiting.close()


def test_without_a_manager_nothing_is_said(t):
    """A socket that is not there is a warning, and one that makes no sense is nothing."""
    s = t.server("srs", top.local(), env={"NOTIFY_SOCKET": "/nowhere/notify"})
    s.wait_log("service manager")
    s.stop()
    s = t.server("other", top.local(), env={"NOTIFY_SOCKET": "vsock:2:1"})
    assert "service manager" not in s.log()
