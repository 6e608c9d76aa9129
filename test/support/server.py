"""Processes of a case: objs/srs with a configuration of its own, tools, and free ports."""
import ctypes
import fcntl
import json
import os
import random
import re
import signal
import socket
import string
import subprocess
import tempfile
import time

from . import SCALE, httpc
from .flv import TOP

# For a server whose memory is judged: a sanitizer keeps what was freed in a quarantine, which is small then.
SMALL_QUARANTINE = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64:"
                                    "allocator_release_to_os_interval_ms=500"}
BIN = os.path.abspath(os.environ.get("TEST_SRS", os.path.join(TOP, "objs", "srs")))
FIRST_PORT, LAST_PORT = 20000, 32000    # below Linux' ephemeral range
_libc = ctypes.CDLL(None, use_errno=True)
_held = []
_SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error: |WARNING: \w+Sanitizer|LeakSanitizer: detected")


def wait_for(predicate, seconds=5.0, what="the expected state", every=0.01):
    """The first true value of predicate(); a short poll, never a fixed sleep."""
    deadline = time.monotonic() + seconds * SCALE
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds * SCALE:g} s")
        time.sleep(every)


def never(predicate, seconds, what):
    """That it stays false for so long: times of the server, which are as long in a slow build."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert not predicate(), what
        time.sleep(0.02)


def within(bound, measure, tries=5, generous=None):
    """measure() returns seconds; it is called up to `tries` times. The median must be within the bound, and every
    single one within a generous bound, since a busy machine may delay one: by default two seconds more."""
    times, most = [], (bound + 2.0 if generous is None else generous) * SCALE
    fast = slow = 0
    while max(fast, slow) <= tries // 2:
        times.append(measure())
        assert times[-1] <= most, f"at most {most:g} s, it took {times}"
        fast, slow = fast + (times[-1] <= bound * SCALE), slow + (times[-1] > bound * SCALE)
    assert fast > slow, f"within {bound * SCALE:g} s in most cases, it took {times}"


def seconds_of(action):
    """How long it takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began


def median(values):
    return sorted(values)[len(values) // 2]


def port_lock(port):
    """The file that is locked by who has the port, in all checkouts of this user: their tests may run at the same time."""
    folder = os.path.join(tempfile.gettempdir(), f"srs-test-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    return open(os.path.join(folder, str(port)), "w")


def take_port(port):
    """Its lock when nobody listens there and no other case has it; None."""
    lock = port_lock(port)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            with socket.socket(family) as s:
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((address, port))
    except OSError as e:
        if e.errno != 97 and e.errno != 99:     # no IPv6 on this machine
            lock.close()
            return None
    return lock


def free_ports(count):
    """The first of so many ports in a row that nobody listens on and that no other case is given while this one
    lives."""
    for _ in range(500):
        first = random.randrange(FIRST_PORT, LAST_PORT - count)
        locks = [take_port(first + n) for n in range(count)]
        if all(locks):
            _held.extend(locks)
            return first
        for lock in filter(None, locks):
            lock.close()
    raise RuntimeError("no free port")


def free_port():
    """A port that nobody listens on and that no other case is given while this one lives."""
    return free_ports(1)


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)              # PR_SET_PDEATHSIG


class Process:
    """A child in its own group, its output in a file, gone when this process is gone.

    Start it from the main thread: the kernel ties its life to the thread that started it."""

    def __init__(self, command, log, cwd=None, env=None, stdin=subprocess.DEVNULL):
        self.command, self.log_path = command, log
        self.started = time.monotonic()
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=stdin,
                                          cwd=cwd, env=env, start_new_session=True,
                                          preexec_fn=_die_with_parent)
        self.pid = self.popen.pid

    @property
    def status(self):
        return self.popen.poll()

    @property
    def alive(self):
        return self.popen.poll() is None

    def wait(self, seconds=10.0):
        try:
            return self.popen.wait(seconds * SCALE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} was still running after {seconds * SCALE:g} s:\n"
                                 f"{self.output()[-2000:]}") from None

    def signal(self, number):
        if self.alive:
            os.killpg(self.pid, number)

    def kill9(self):
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def interrupt(self, seconds=10.0):
        """As Ctrl-C does it: how ffmpeg and friends end well."""
        self.signal(signal.SIGINT)
        return self.wait(seconds)

    def output(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()


class Server(Process):
    """objs/srs with a configuration file. In its text $rtmp, $api, $http, $rtc and $srt (UDP) are free ports,
    $name and $dir its own; any other $word comes from `values`.

    It runs in its own folder, so that relative paths of the text land there. `program`: another file than objs/srs."""

    def __init__(self, name, conf, folder, values=None, env=None, args=None, wait=True, yaml=False, program=BIN):
        self.name, self.folder, self.program = name, folder, program
        os.makedirs(os.path.join(folder, "objs", "nginx", "html"), exist_ok=True)
        self.rtmp = self.api = self.http = self.rtc = self.srt = self.gb = self.sip = None
        known = dict(values or {}, name=name, dir=folder)
        for word in ("rtmp", "api", "http", "rtc", "srt", "gb", "sip"):
            if f"${word}" in conf and word not in known:
                known[word] = free_port()
            setattr(self, word, known.get(word) and int(known[word]))
        self.values, self.env, self.args = known, env, args
        self.conf_path = os.path.join(folder, name + (".yaml" if yaml else ".conf"))
        self.write_conf(conf)
        self.stopped = True
        self.expect_status = 0
        self.start(wait)

    def write_conf(self, conf):
        self.conf = string.Template(conf).substitute(self.values)
        with open(self.conf_path, "w") as f:
            f.write(self.conf)

    def start(self, wait=True):
        """Starts it, or starts it again with the same configuration and ports."""
        env = dict(os.environ)
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        env.update(self.env or {})
        super().__init__([self.program, *(self.args or ["-c", self.conf_path])],
                         os.path.join(self.folder, "stdout.log"), cwd=self.folder, env=env)
        self.stopped = False
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=10.0):
        def ready():
            if not self.alive:
                raise AssertionError(f"{self.name} ended with status {self.status} at start:\n{self.tail()}")
            return all(listening(p) for p in (self.rtmp, self.api, self.http) if p)
        wait_for(ready, seconds, f"readiness of {self.name}")

    def stop(self, number=signal.SIGTERM, seconds=10.0, check=True):
        """Ends it and wants status 0 and no word from a sanitizer."""
        if self.stopped:
            return self
        self.stopped = True
        self.thaw()
        early = self.status
        self.signal(number)
        try:
            status = self.wait(seconds)
        except AssertionError:
            self.kill9()
            raise
        if check and early is not None:
            raise AssertionError(f"{self.name} had ended by itself with status {early}:\n{self.tail()}")
        if check and status != self.expect_status:
            raise AssertionError(f"{self.name} ended with status {status}:\n{self.tail()}")
        if check:
            self.check_sanitizer()
        return self

    def kill9(self):
        super().kill9()
        self.stopped = True
        self.check_sanitizer()

    def check_sanitizer(self):
        found = _SANITIZER.search(self.log())
        if found:
            text = self.log()
            raise AssertionError(f"{self.name}: a sanitizer reports:\n{text[found.start():found.start() + 4000]}")

    # what a case looks at

    @property
    def address(self):
        return f"127.0.0.1:{self.rtmp}"

    @property
    def api_address(self):
        return f"127.0.0.1:{self.api}"

    @property
    def http_address(self):
        return f"127.0.0.1:{self.http}"

    def url(self, path, host="127.0.0.1"):
        return f"rtmp://{host}:{self.rtmp}/{path}"

    def flv(self, path, host="127.0.0.1"):
        base, _, query = path.partition("?")
        return f"http://{host}:{self.http}/{base}.flv" + ("?" + query if query else "")

    def web(self, path):
        return f"http://127.0.0.1:{self.http}{path}"

    def api_url(self, path):
        return f"http://127.0.0.1:{self.api}{path}"

    def json(self, path, method="GET", **kw):
        return httpc.fetch_json(self.api_url(path), method, **kw)

    def streams(self):
        return self.json("/api/v1/streams/?count=100")["streams"]

    def clients(self):
        return self.json("/api/v1/clients/?count=1000")["clients"]

    def stream(self, name):
        """The stream of that name, or None."""
        return next((s for s in self.streams() if s["name"] == name), None)

    def is_live(self, name):
        return bool((self.stream(name) or {}).get("publish", {}).get("active"))

    def wait_live(self, name, seconds=5.0):
        """Until somebody publishes the stream here (needs $api in the configuration)."""
        return wait_for(lambda: self.is_live(name), seconds, f"stream {name} on {self.name}")

    def wait_ended(self, name, seconds=5.0):
        """Until nobody does any more."""
        wait_for(lambda: not self.is_live(name), seconds, f"the end of stream {name} on {self.name}")

    def log(self):
        """All it said: its output and every log file in its folder."""
        texts = []
        for base, _, files in sorted(os.walk(self.folder)):
            for name in sorted(files):
                if name.endswith(".log"):
                    with open(os.path.join(base, name), errors="replace") as f:
                        texts.append(f.read())
        return "\n".join(texts)

    def wait_log(self, pattern, seconds=5.0):
        return wait_for(lambda: re.search(pattern, self.log()), seconds, f"{pattern!r} in the log of {self.name}")

    def tail(self, lines=25):
        return "\n".join(self.log().splitlines()[-lines:])

    def _status_kb(self, field):
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise KeyError(field)

    @property
    def rss_kb(self):
        return self._status_kb("VmRSS")

    @property
    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def listening(port, host="127.0.0.1"):
    """Whether a listener exists, asked of the kernel's table: no connection is made."""
    want = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}") as f:
                for line in f:
                    fields = line.split()
                    if fields[3:4] == ["0A"] and fields[1].endswith(want):
                        return True
        except FileNotFoundError:
            pass
    return False


def unread(port):
    """How many bytes of each connection with this port the server has not read yet."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return [int(r[4].split(":")[1], 16) for r in rows if r[3] == "01" and r[1].endswith(f":{port:04X}")]


def curl(url, *args, seconds=10):
    """(exit status, body, stderr) of curl."""
    done = subprocess.run(["curl", "-sS", "--max-time", str(seconds), *args, url], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=seconds * SCALE + 5)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def ffprobe(source, seconds=10, *args):
    """The streams and the format that ffprobe finds in a file or a URL."""
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", *args,
                           source], capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds * SCALE)
    if done.returncode:
        raise AssertionError(f"ffprobe {source}: {done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)
