"""scripts/demo, which is a promise of the README: on the ports of conf/, which are fixed."""
import fcntl
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time

from support import SCALE
from support.case import Skip, limit
from support.demo import LISTEN, owner, sockets
from support.flv import TOP
from support.server import Process, listening, port_lock, wait_for

ONCE = "A script is judged, which does with the servers what other cases do."

DEMO = os.path.join(TOP, "scripts", "demo")
PORTS = (19350, 9090, 19351, 9091, 29350, 8081)


class Demo(Process):
    """The demo, its output in a file or on a terminal of its own."""

    def __init__(self, t, terminal=False, **env):
        t.keep(self)
        self.log_path, self.text, self.terminal = t.path("demo.txt"), "", None
        env = {**{k: v for k, v in os.environ.items() if k != "DEMO_SECONDS"}, **env}
        command = [sys.executable, DEMO]
        if not terminal:
            super().__init__(command, self.log_path, env=env)
            return
        self.terminal, theirs = pty.openpty()
        os.set_blocking(self.terminal, False)
        self.command = command
        self.popen = subprocess.Popen(command, env=env, preexec_fn=lambda: os.login_tty(theirs),
                                      pass_fds=[theirs])
        self.pid = self.popen.pid
        os.close(theirs)

    def output(self):
        if self.terminal is None:
            return super().output()
        try:
            while data := os.read(self.terminal, 65536):
                self.text += data.decode(errors="replace")
        except OSError:         # there is nothing now, or the demo has ended
            pass
        return self.text


def hold_ports(t):
    """No other case gets these ports, nor another one of these cases, while this one runs."""
    for port in sorted(PORTS):
        fcntl.flock(t.keep(port_lock(port)), fcntl.LOCK_EX)
    try:
        wait_for(all_gone, 20)
    except AssertionError:
        raise Skip("something outside of these tests uses the demo's ports") from None


def all_gone():
    return not any(listening(p) for p in PORTS)


def wait_gone(seconds=5, when="the demo has ended"):
    try:
        wait_for(all_gone, seconds)
    except AssertionError:
        who = [f"port {port} by {owner(inode)}" for port, inode in sockets(LISTEN, PORTS)]
        raise AssertionError(f"{when}, and there is still listened at {', '.join(who)}") from None


@limit(240)
def test_demo_plays_every_url(t):
    """The demo ends by itself with 0 after DEMO_SECONDS, having shown the 302 and played both URLs."""
    hold_ports(t)
    demo = Demo(t, DEMO_SECONDS="3")
    assert demo.wait(60) == 0, demo.output()
    said = demo.output()
    for words in ("302 ", "rtmp://127.0.0.1:19351/live/demo", "from 127.0.0.1:19350 to 127.0.0.1:19351",
                  "the edge plays RTMP ", "the edge plays HTTP-FLV ", "http://127.0.0.1:8081/live/demo.flv"):
        assert words in said, (words, said)
    assert "\033" not in said and max(map(len, said.splitlines())) < 80, said
    wait_gone()


@limit(240)
def test_demo_on_a_terminal(t):
    """On a terminal the demo runs until Ctrl-C, which stops everything and is no failure."""
    hold_ports(t)
    demo = Demo(t, terminal=True, TERM="xterm")
    wait_for(lambda: re.search(r"00:0[2-9] ", demo.output()), 40, "the third status line")
    assert demo.alive and not all_gone()
    os.write(demo.terminal, b"\x03")
    assert demo.wait(15) == 0, demo.output()
    assert "Every URL played" in demo.output(), demo.output()
    wait_gone()


@limit(240)
def test_demo_leaves_nothing_behind(t):
    """TERM, HUP and KILL end the demo with all that it started, also while it is starting."""
    hold_ports(t)
    for number, status, words in ((signal.SIGTERM, 143, "Watching"), (signal.SIGHUP, 129, "302"),
                                  (signal.SIGTERM, 143, "origin A"), (signal.SIGKILL, -9, "Watching")):
        demo = Demo(t, DEMO_SECONDS="60")
        wait_for(lambda: words in demo.output(), 40, words)
        os.kill(demo.pid, number)
        assert demo.wait(15) == status, (number, demo.output())
        wait_gone(10, f"the demo has had signal {number}")
        os.remove(demo.log_path)


@limit(240)
def test_demo_notices_a_loss(t):
    """A server that dies makes the demo fail with the reason."""
    hold_ports(t)
    demo = Demo(t, DEMO_SECONDS="60")
    wait_for(lambda: "Watching" in demo.output(), 40, "the demo to be running")
    pid = int(re.search(r"origin B .* pid (\d+)", demo.output())[1])
    os.kill(pid, signal.SIGKILL)
    assert demo.wait(20) == 1, demo.output()
    assert re.search("The demo failed: .*(origin B was ended by SIGKILL|encoder ended)", demo.output()), demo.output()
    wait_gone()


@limit(240)
def test_demo_names_who_has_its_port(t):
    """A port that is taken is named with its owner, and nothing is started."""
    hold_ports(t)
    with socket.create_server(("127.0.0.1", 9091)):
        demo = Demo(t)
        assert demo.wait(15) == 2, demo.output()
        assert f"port 9091 (API of origin B) is taken by process {os.getpid()} " in demo.output(), demo.output()
        assert not any(listening(p) for p in PORTS if p != 9091)


def test_demo_says_what_is_missing(t):
    """Without ffmpeg, or with a DEMO_SECONDS that is no number, the demo says so and starts nothing."""
    demo = Demo(t, PATH="/nonexistent")
    assert demo.wait(15) == 2 and "ffmpeg" in demo.output() and "apt-get install" in demo.output(), demo.output()
    started = time.monotonic()
    demo = Demo(t, DEMO_SECONDS="soon")
    assert demo.wait(15) == 2 and "DEMO_SECONDS is soon" in demo.output(), demo.output()
    assert time.monotonic() - started < 10 * SCALE
