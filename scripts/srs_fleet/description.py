"""The description of a fleet: what is to run on this host."""
import fcntl
import http.client
import json
import os
import shutil
import struct
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
GROUP_KEYS = {"count": int, "conf": str, "listen": (int, str), "http": (int, str), "api": (int, str), "shared": bool,
              "coworkers": str, "origin": str, "cpus": list, "env": dict}
FLEET_KEYS = {"folder": str, "program": str, "restart": dict, "groups": dict}
# Seconds: what has ended by itself is started again after `first`, twice as long each time, `most` at most; when it ran for
# `steady`, after `first` again.
RESTART = {"first": 1, "most": 30, "steady": 60}
CONTROL = "fleet.sock" # in the folder of the description


class Failed(Exception):
    """The text says what is wrong and where."""


def port_of(address, more=0):
    """[host:]port with a port that is larger by so much."""
    host, _, port = str(address).rpartition(":")
    if not port.isdigit() or not 0 < int(port) + more < 65536:
        raise Failed(f"{address} is not [host:]port")
    return f"{host}:{int(port) + more}" if host else str(int(port) + more)


def reach(address):
    """How this host reaches what listens there."""
    host, _, port = str(address).rpartition(":")
    return f"127.0.0.1:{port}" if host in ("", "0.0.0.0", "[::]") else f"{host}:{port}"


class Member:
    """One process as described: its name, its variables, its CPU."""

    def __init__(self, fleet, group, row, n):
        self.fleet, self.group, self.n = fleet, group, n
        self.name = f"{group}-{n + 1}"
        self.conf = os.path.join(fleet.base, row["conf"])
        own = 0 if row.get("shared") else n
        self.listen = port_of(row["listen"], own) if "listen" in row else None
        self.http = port_of(row["http"], own) if "http" in row else None
        self.api = port_of(row["api"], n)
        cpus = row.get("cpus")
        self.cpu = int(cpus[n % len(cpus)]) if cpus else None
        self.row = row

    def path(self, suffix):
        return os.path.join(self.fleet.folder, self.name + suffix)

    def peers(self, key, of):
        return " ".join(reach(getattr(m, of)) for m in self.fleet.members if m.group == self.row[key])

    def env(self):
        shared = "on" if self.row.get("shared") else "auto"
        env = {"SRS_DAEMON": "off", "SRS_PID": self.path(".pid"), "SRS_SRS_LOG_TANK": "file",
               "SRS_SRS_LOG_FILE": self.path(".log"), "SRS_HTTP_API_ENABLED": "on",
               "SRS_HTTP_API_LISTEN": self.api, "SRS_REUSE_PORT": shared}
        if self.listen:
            env["SRS_LISTEN"] = self.listen
        if self.http:
            env.update(SRS_HTTP_SERVER_ENABLED="on", SRS_HTTP_SERVER_LISTEN=self.http)
        if "coworkers" in self.row:
            env["SRS_VHOST_CLUSTER_COWORKERS"] = self.peers("coworkers", "api")
        if "origin" in self.row:
            env["SRS_VHOST_CLUSTER_ORIGIN"] = self.peers("origin", "listen")
        env.update({str(k): str(v) for k, v in self.row.get("env", {}).items()})
        return env

    def same(self, other):
        return (self.conf, self.cpu, self.env()) == (other.conf, other.cpu, other.env())

    def holder(self):
        """The process that has the pid file locked; 0 when there is none."""
        try:
            with open(self.path(".pid"), "rb") as f:
                lock = fcntl.fcntl(f, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        except OSError:
            return 0
        kind, _, _, _, pid = struct.unpack("hhqqi4x", lock)
        return 0 if kind == fcntl.F_UNLCK else pid

    def ask(self, path, seconds=2.0):
        """An answer of its API as (status, JSON); (0, None) when there is none."""
        host, _, port = reach(self.api).rpartition(":")
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read(1 << 20)
            return answer.status, json.loads(text) if text[:1] == b"{" else None
        except (OSError, ValueError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()

    def serves(self):
        # A server that wants a password serves, too.
        return self.ask("/api/v1/versions")[0] in (200, 401)

    def check(self):
        done = subprocess.run([self.fleet.program, "-t", "-c", self.conf], env=dict(os.environ, **self.env()),
                              capture_output=True, text=True, timeout=30)
        return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()


def known(row, keys, where):
    if not isinstance(row, dict):
        raise Failed(f"{where} is not a list of settings")
    for key, value in row.items():
        if key not in keys:
            raise Failed(f"{where}: {key!r} is not known; known are: {', '.join(keys)}")
        if not isinstance(value, keys[key]) or (isinstance(value, bool) and keys[key] is not bool):
            raise Failed(f"{where}: {key} cannot be {value!r}")


class Fleet:
    def __init__(self, path):
        try:
            import yaml
        except ImportError:
            raise Failed("python3-yaml is missing: apt-get install python3-yaml") from None
        try:
            with open(path) as f:
                tree = yaml.safe_load(f)
        except (OSError, yaml.YAMLError) as e:
            raise Failed(f"{path}: {e}") from None
        known(tree, FLEET_KEYS, path)
        self.source = os.path.abspath(path)
        self.base = os.getcwd()
        self.folder = os.path.abspath(tree.get("folder", "objs/fleet"))
        self.program = tree.get("program") or self.default_program()
        self.restart = self.read_restart(tree.get("restart", {}), path)
        self.members = []
        for name, row in (tree.get("groups") or {}).items():
            self.add_group(name, row, path)
        if not self.members:
            raise Failed(f"{path}: there is no group in it")
        self.validate(path)

    @staticmethod
    def read_restart(row, path):
        known(row, dict.fromkeys(RESTART, (int, float)), f"{path}, restart")
        restart = dict(RESTART, **row)
        if not 0 < restart["first"] <= restart["most"] or restart["steady"] < 0:
            raise Failed(f"{path}, restart: 0 < first <= most, and steady is not below 0")
        return restart

    @staticmethod
    def default_program():
        beside = os.path.join(TOP, "objs", "srs")
        return beside if os.access(beside, os.X_OK) else shutil.which("srs") or beside

    def add_group(self, name, row, path):
        try:
            self.describe_group(name, row, path)
        except (ValueError, TypeError, Failed) as e:
            raise Failed(str(e) if path in str(e) else f"{path}, group {name}: {e}") from None

    def describe_group(self, name, row, path):
        known(row, GROUP_KEYS, f"{path}, group {name}")
        for key in ("conf", "api"):
            if key not in row:
                raise Failed(f"{path}, group {name}: {key} is missing")
        if not 1 <= row.get("count", 1) <= 1000:
            raise Failed(f"{path}, group {name}: count is a number from 1 to 1000")
        self.members += [Member(self, name, row, n) for n in range(row.get("count", 1))]

    def validate(self, path):
        taken = {}
        for m in self.members:
            for key, of in (("coworkers", "api"), ("origin", "listen")):
                if key in m.row and not all(getattr(o, of) for o in self.members if o.group == m.row[key]):
                    raise Failed(f"{path}, group {m.group}: {key}: group {m.row[key]} has no `{of}`")
                if key in m.row and m.row[key] not in {o.group for o in self.members}:
                    raise Failed(f"{path}, group {m.group}: {key}: there is no group {m.row[key]}")
            for what in ("listen", "http", "api"):
                port = str(getattr(m, what) or "").rpartition(":")[2]
                owner = m.group if m.row.get("shared") and what != "api" else m.name
                if port and taken.setdefault(port, (owner, what)) != (owner, what):
                    other = taken[port]
                    raise Failed(f"{path}: port {port} is `{what}` of {m.name} and `{other[1]}` of {other[0]}")

    def chosen(self, only):
        chosen = [m for m in self.members if only in (None, m.name, m.group)]
        if not chosen:
            raise Failed(f"there is no {only}; there are: {', '.join(m.name for m in self.members)}")
        return chosen

    @property
    def control(self):
        return os.path.join(self.folder, CONTROL)
