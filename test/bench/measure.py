"""The processes of a measurement: servers, load generators, and their ends.

Servers run on the first of two CPUs, all load on the second, so that what is measured is the
server. CPU time and memory come from /proc, by way of srs_bench --watch."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SRS = os.environ.get("SRS_BIN", os.path.join(TOP, "objs", "srs"))
BENCH = os.path.join(TOP, "objs", "srs_bench")
FLOOR = os.path.join(TOP, "objs", "floor")
# Files are in memory where they can be: what a disk does, and for whom, is not what is compared.
FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
NGINX_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
SERVER_CPU, LOAD_CPU = 0, 1


class Missing(Exception):
    """What the measurement needs is not on this machine."""


def pinned(cpu, command):
    """A CPU of None is any."""
    if cpu is not None and shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", str(cpu), *command]
    return command


def prompt(command):
    """Before all others on its CPU, where that is allowed: what it measures is not to include its own waiting."""
    may = shutil.which("chrt") and subprocess.run(["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL,
                                                  check=False).returncode == 0
    return ["chrt", "-f", "1", *command] if may else command


_taken = set()


def ports(count):
    """So many different ones."""
    out, socks = [], []
    port = 21000 + (os.getpid() * 7 + len(_taken)) % 9000
    while len(out) < count:
        port = port + 1 if port < 31990 else 21000
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
            continue
        socks.append(s)
        out.append(port)
    for s in socks:
        s.close()
    _taken.update(out)
    return out


class Lab:
    """A folder and the processes of one measurement. `with` ends them all."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="srs-bench-", dir=FOLDER)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in reversed(self.processes):
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, cpu, command, name):
        with open(os.path.join(self.folder, name + ".log"), "wb") as log:
            p = subprocess.Popen(pinned(cpu, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd=self.folder, start_new_session=True)
        self.processes.append(p)
        return p

    def log(self, name):
        with open(os.path.join(self.folder, name + ".log"), errors="replace") as f:
            return f.read()

    def wait_port(self, process, port, name):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with status {process.returncode}:\n{self.log(name)[-2000:]}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{name} does not listen on {port}")

    # servers

    def srs(self, play="", vhost="", more="", name="srs", rtmp=None, api=None, cpu=SERVER_CPU, tls=False):
        """objs/srs; .rtmp .http .api are its ports, of which tls makes those for streams take both."""
        ours = ports(3)
        port, http, api = rtmp or ours[0], ours[1], api or ours[2]
        path = os.path.join(self.folder, name + ".conf")
        https = ""
        if tls:
            pair = os.path.join(self.folder, name)
            subprocess.run([os.path.join(TOP, "scripts", "self-signed"), "-o", pair], check=True, capture_output=True)
            files = f"key {pair}.key; cert {pair}.crt;"
            more += f"rtmps {{ enabled on; listen 127.0.0.1:{port}; {files} }}\n"
            https = f"https {{ enabled on; listen 127.0.0.1:{http}; {files} }}"
        with open(path, "w") as f:
            f.write(f"listen 127.0.0.1:{port}; daemon off; pid {self.folder}/{name}.pid;\n"
                    f"srs_log_tank console; srs_log_level warn; max_connections 19000; {more}\n"
                    f"http_server {{ enabled on; listen 127.0.0.1:{http}; dir {self.folder}; {https} }}\n"
                    f"http_api {{ enabled on; listen 127.0.0.1:{api}; }}\n"
                    f"vhost __defaultVhost__ {{\n"
                    f"  http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }}\n"
                    f"  play {{ {play} }} {vhost}\n}}\n")
        p = self.spawn(cpu, [SRS, "-c", path], name)
        p.rtmp, p.http, p.api = port, http, api
        self.wait_port(p, port, name)
        return p

    def nginx(self, publishers=False):
        if not shutil.which("nginx") or not os.path.exists(NGINX_MODULE):
            raise Missing("nginx with libnginx-mod-rtmp is not installed")
        port, = ports(1)
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as f:
            f.write(f"load_module {NGINX_MODULE};\n"
                    f"daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr error;\n"
                    f"worker_rlimit_nofile 20000; events {{ worker_connections 19000; }}\n"
                    f"rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096;\n"
                    f"  application live {{ live on; wait_key on; }} }} }}\n")
        p = self.spawn(SERVER_CPU, ["nginx", "-p", self.folder, "-c", path], "nginx")
        p.rtmp = port
        self.wait_port(p, port, "nginx")
        return p

    def floor(self, period, kind="write", kbps=1):
        """objs/floor; a relay takes senders on .port and receivers on the next one."""
        port = next(p for p, after in zip(*[iter(ports(20))] * 2) if after == p + 1)
        p = self.spawn(SERVER_CPU, [FLOOR, "-m", kind, "-p", str(port), "-k", str(kbps), "-i", str(period)], "floor")
        p.port = port
        # It counts whoever connects as a client: one look is enough, and leaves at once.
        self.wait_port(p, port, "floor")
        return p

    # load

    def load(self, mode, url, count=1, seconds=0, name=None, watch=(), **options):
        """Starts srs_bench; ready() waits until all run, result() until it ends."""
        command = [BENCH, "-m", mode, "-u", url, "-n", str(count), "-t", str(seconds), "--json"]
        for pid in watch:
            command += ["-p", str(pid)]
        for key, value in options.items():
            command += [f"--{key}"] if value is True else [f"--{key}={value}"]
        name = name or f"{mode}-{len(self.processes)}"
        p = self.spawn(LOAD_CPU, prompt(command) if mode == "probe" else command, name)
        p.name = name
        return p

    def ready(self, p, seconds=90):
        deadline = time.monotonic() + seconds
        while "ready:" not in self.log(p.name):
            if p.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{p.name} did not get ready:\n{self.log(p.name)[-2000:]}")
            time.sleep(0.02)

    def result(self, p, seconds=600):
        p.wait(seconds)
        text = self.log(p.name)
        start = text.find("{")
        if start < 0:
            raise RuntimeError(f"{p.name} reported nothing:\n{text[-2000:]}")
        return json.loads(text[start:text.rfind("}") + 1])

    def stop(self, p):
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
        return self.result(p)

    def publish(self, server, kbps=880, count=1, stream="x", **options):
        p = self.load("publish", f"rtmp://127.0.0.1:{server.rtmp}/live/{stream}", count, kbps=kbps, **options)
        self.ready(p)
        return p


def summary(r, count=None):
    """The figures of one run that the tables need."""
    seconds, n = r["seconds"] or 1, count or r["count"]
    out = {
        "running": r["running"], "count": r["count"], "disconnects": r["disconnects"],
        "failures": r["failures"], "kbps": r["kbps_median"],
        "slowest": r["kbps_low"] / r["kbps_median"] if r["kbps_median"] else 0,
        "fastest": r["kbps_high"] / r["kbps_median"] if r["kbps_median"] else 0,
        "first_p50": r["first_frame_ms"]["p50"], "first_p99": r["first_frame_ms"]["p99"],
        "first_max": r["first_frame_ms"]["max"],
        "latency_p50": r["latency_ms"]["p50"], "latency_p99": r["latency_ms"]["p99"],
        "latency_max": r["latency_ms"]["max"],
        "gap_max": r["gap_ms"]["max"], "stalls": r["stalls"], "load_cpu": r["own_cpu"] / seconds * 100,
        "skipped": r["skipped"], "reasons": r["reasons"],
    }
    if "server_cpu" in r:
        out["cpu"] = r["server_cpu"] / seconds * 100
        out["us"] = r["server_cpu"] / seconds * 1e6 / n
        out["kb"] = (r["rss_after_kb"] - r["rss_before_kb"]) / n
    return out
