"""What scripts/demo is made of: its terminal, the sockets of this machine, and its processes."""
import collections
import ctypes
import glob
import os
import signal
import subprocess
import sys
import threading
import time

from . import SCALE

OUT = os.path.join("objs", "demo")
LISTEN, ESTABLISHED = "0A", "01"

tty = sys.stdout.isatty()
colours = tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
children = []
libc = ctypes.CDLL(None)


class Failed(Exception):
    """The demo shows that something does not work."""


class Impossible(Exception):
    """The demo cannot be tried on this machine as it is."""


class Stop(BaseException):
    """A signal. Not an Exception, so that no handler on the way swallows it."""


# ---- the terminal ----

def colour(code, text):
    return f"\033[{code}m{text}\033[0m" if colours else text


def say(text="", end="\n"):
    try:
        sys.stdout.write(("\r\033[K" if tty else "") + text + end)
        sys.stdout.flush()
    except OSError:
        pass                    # the terminal went away: what matters now is to stop cleanly


def done(what, detail):
    say(f"  {colour(32, 'ok')}  {what:<26} {colour(2, detail)}")


# ---- sockets of this machine, as the kernel lists them ----

def sockets(state, ports):
    """(port, inode) of the TCP sockets in this state with one of these local ports."""
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}") as f:
                rows = [line.split() for line in f][1:]
        except OSError:
            continue
        for row in rows:
            port = int(row[1].rpartition(":")[2], 16)
            if row[3] == state and port in ports:
                yield port, row[9]


def listening(ports):
    return {port for port, _ in sockets(LISTEN, set(ports))} == set(ports)


def owner(inode):
    """ "process 12 (srs -c x.conf)", as far as one may look."""
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(link) == f"socket:[{inode}]":
                pid = link.split("/")[2]
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {pid} ({words[:60]})"
        except OSError:
            pass
    return "a process of another user (look with: sudo ss -ltnp)"


# ---- processes ----

class Child:
    """A process in a group of its own, so that Ctrl-C is ours to pass on, in order. It ends with
    us, whatever ends us."""

    def __init__(self, name, command, pipe=False):
        self.name, self.command, self.pipe = name, command, pipe
        self.log = os.path.join(OUT, name.replace(" ", "-") + ".txt")
        self.again_at = None                        # when it is started again, after it ended
        self.popen = None                           # a signal may come before there is one
        children.append(self)
        self.start()

    def start(self):
        us = os.getpid()

        def before_exec():
            libc.prctl(1, signal.SIGTERM)           # PR_SET_PDEATHSIG
            if os.getppid() != us:
                os._exit(1)
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=log,
                                          stdout=subprocess.PIPE if self.pipe else log,
                                          start_new_session=True, preexec_fn=before_exec)

    @property
    def pid(self):
        return self.popen.pid

    def how_it_ended(self):
        status = self.popen and self.popen.poll()
        if status is None:
            return None
        if status < 0:
            return f"{self.name} was ended by {signal.Signals(-status).name}"
        with open(self.log, errors="replace") as f:
            words = [line.strip() for line in f if line.strip()]
        return f"{self.name} ended with status {status}" + (f": {words[-1]}" if words else "")

    def stop(self, seconds=5):
        """Asks it to end, and sees that it does."""
        if not self.popen or self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(seconds * SCALE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise Failed(f"{self.name} had to be killed: it did not end within {seconds * SCALE:g} s") from None


class Viewer(Child):
    """ffmpeg, playing one URL of the edge all the time and counting."""

    def __init__(self, kind, url):
        super().__init__(f"{kind} viewer", [
            "ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-i", url, "-c", "copy",
            "-f", "flv", "-flvflags", "no_duration_filesize", "-flush_packets", "1", "-y", "/dev/null"], pipe=True)
        self.kind, self.url = kind, url

    def start(self):
        super().start()
        self.frames, self.at, self.began = 0, 0, None
        self.notes = collections.deque(maxlen=8)    # (time, frames, bytes), two a second
        threading.Thread(target=self.read, args=[self.popen.stdout], daemon=True).start()

    def stop(self, seconds=1):
        try:
            super().stop(seconds)
        except Failed:
            pass                # ffmpeg, while it waits for media, is deaf

    def read(self, lines):
        frames = 0
        for line in lines:
            key, _, value = line.decode(errors="replace").strip().partition("=")
            if key == "frame" and value.isdigit():
                frames = int(value)
            elif key == "total_size" and value.isdigit():
                self.note(frames, int(value))

    def note(self, frames, size):
        now = time.monotonic()
        if frames > self.frames:
            self.frames, self.at = frames, now
            self.began = self.began or now
            if now > self.began + 0.8:              # behind what the edge had in store
                self.notes.append((now, frames, size))

    @property
    def pace(self):
        """Frames and kilobits per second, lately."""
        notes = list(self.notes)
        if len(notes) < 2:
            return 0, 0
        seconds = notes[-1][0] - notes[0][0]
        return (notes[-1][1] - notes[0][1]) / seconds, (notes[-1][2] - notes[0][2]) * 8 / 1000 / seconds

    @property
    def plays(self):
        return self.frames > 0 and time.monotonic() - self.at < 3 * SCALE


def wait_for(predicate, seconds, what):
    """The first true value; an end when a process has ended meanwhile."""
    deadline = time.monotonic() + seconds * SCALE
    while True:
        ended = [c.how_it_ended() for c in children if c.how_it_ended()]
        if ended:
            raise Failed(ended[0])
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not come within {seconds * SCALE:g} s")
        time.sleep(0.02)


def stop_all(servers):
    """Viewers first, then the encoder, the edge, the origins. The servers of these names must end well."""
    problems = []
    for child in reversed(children):
        early = child.how_it_ended()
        try:
            child.stop()
        except Failed as e:
            problems.append(str(e))
        how = child.how_it_ended()
        if how and not early and child.name in servers and child.popen.returncode:
            problems.append(how)
    return problems
