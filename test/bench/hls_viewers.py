#!/usr/bin/env python3
"""Viewers of one HLS stream: each asks for the playlist once a segment, and fetches each new segment, on one
connection that is kept. One thread; bodies are dropped by the kernel. Prints one JSON object.

    hls_viewers.py URL COUNT SECONDS [PID …]"""
import json
import os
import random
import re
import select
import socket
import sys
import time
import urllib.parse

TICKS = os.sysconf("SC_CLK_TCK")
DROPPED = 1 << 20
PATIENCE = 20.0


def cpu_of(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


class Viewer:
    __slots__ = ("sock", "left", "is_list", "asked", "seen", "wanted", "due", "head", "bytes", "done", "path")

    def __init__(self, at):
        self.sock, self.left, self.is_list, self.asked = None, 0, False, 0.0
        self.seen, self.wanted, self.due, self.head, self.bytes, self.done, self.path = "", [], at, b"", 0, 0, None


class Viewers:
    def __init__(self, url, count, period):
        u = urllib.parse.urlsplit(url)
        self.at, self.path, self.folder = (u.hostname, u.port), u.path, u.path.rpartition("/")[0]
        self.query = f"?{u.query}" if u.query else ""
        self.host, self.period = u.netloc, period
        self.poll = select.epoll()
        self.by_fd, self.times, self.failures, self.requests = {}, [], {}, 0
        now = time.monotonic()
        self.idle = sorted((Viewer(now + period * i / count) for i in range(count)), key=lambda v: v.due)
        self.count, self.measured_from = count, None

    def fail(self, v, why):
        self.failures[why] = self.failures.get(why, 0) + 1
        self.drop(v)
        v.due = time.monotonic() + self.period
        self.idle.append(v)

    def drop(self, v):
        if v.sock:
            self.by_fd.pop(v.sock.fileno(), None)
            v.sock.close()
            v.sock = None

    def ask(self, v, path, is_list):
        if not v.sock:
            v.sock = socket.create_connection(self.at, 5)
            v.sock.setblocking(False)
            self.poll.register(v.sock.fileno(), select.EPOLLIN)
            self.by_fd[v.sock.fileno()] = v
        v.is_list, v.left, v.head, v.asked = is_list, 0, b"", time.monotonic()
        self.requests += 1
        v.sock.send(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())

    def next(self, v):
        """What it asks for now, or when it asks again."""
        if v.wanted:
            name = v.wanted.pop(0)
            self.ask(v, f"{self.folder}/{name}", False)
            return
        v.due = max(v.due + self.period, time.monotonic())
        self.idle.append(v)

    def take(self, v):
        if v.left:
            n = v.sock.recv_into(self.dropped, min(v.left, DROPPED), 0 if v.is_list else socket.MSG_TRUNC)
            self.took(v, n, bytes(self.dropped[:n]) if v.is_list else b"")
            return
        data = v.sock.recv(16384)
        if not data:
            self.fail(v, "closed")
            return
        v.head += data
        end = v.head.find(b"\r\n\r\n")
        if end < 0:
            return
        length = re.search(rb"(?i)content-length: (\d+)", v.head[:end])
        if not v.head.startswith(b"HTTP/1.1 200 ") or not length:
            self.fail(v, v.head[9:12].decode("latin-1"))
            return
        body, v.head = v.head[end + 4:], b""
        v.left = int(length.group(1))
        self.took(v, len(body), body)

    def took(self, v, n, data):
        v.left -= n
        v.bytes += n
        if v.is_list:
            v.head += data
        if v.left > 0:
            return
        if self.measured_from:
            self.times.append(time.monotonic() - v.asked)
        if v.is_list:
            if b"#EXT-X-STREAM-INF" in v.head:      # its session
                v.path = v.head.decode().strip().rpartition("\n")[2]
                self.ask(v, v.path, True)
                return
            names = [x for x in v.head.decode().split("\n") if x and not x.startswith("#")]
            new = names[names.index(v.seen) + 1:] if v.seen in names else names[-1:]
            v.seen = names[-1] if names else v.seen
            v.wanted, v.head = new, b""
        v.done += 1
        self.next(v)

    def start_due(self, now):
        due = [v for v in self.idle if v.due <= now]
        if due:
            self.idle = [v for v in self.idle if v.due > now]
        for v in due:
            try:
                self.ask(v, v.path or self.path + self.query, True)
            except OSError as e:
                self.fail(v, e.strerror or "refused")

    def run(self, until):
        looked = 0.0
        self.dropped = bytearray(DROPPED)
        while (now := time.monotonic()) < until:
            if now - looked > 0.01:
                self.start_due(now)
                looked = now
            for fd, _ in self.poll.poll(0.01):
                v = self.by_fd.get(fd)
                try:
                    if v:
                        self.take(v)
                except BlockingIOError:
                    pass
                except OSError as e:
                    self.fail(v, e.strerror)

    def everybody(self):
        return list(self.by_fd.values())


def main():
    url, count, seconds, pids = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    random.seed(1)
    viewers = Viewers(url, count, 2.0)
    viewers.run(time.monotonic() + 5)       # all have come, and have a segment
    for v in viewers.everybody():
        v.bytes = v.done = 0
    viewers.failures, viewers.requests = {}, 0
    began, cpu, own = time.monotonic(), cpu_of(pids), time.process_time()
    viewers.measured_from = began
    viewers.run(began + seconds)
    took, all_of_them = time.monotonic() - began, viewers.everybody()
    cpu, own = cpu_of(pids) - cpu, time.process_time() - own
    times = sorted(viewers.times) or [0.0]
    print(json.dumps({
        "count": count, "running": len([v for v in all_of_them if v.done]), "disconnects": 0,
        "failures": sum(viewers.failures.values()), "reasons": viewers.failures,
        "requests": viewers.requests / took, "kbps": sum(v.bytes for v in all_of_them) * 8 / 1000 / took / count,
        "latency_p50": times[len(times) // 2] * 1000, "latency_p99": times[len(times) * 99 // 100] * 1000,
        "latency_max": times[-1] * 1000, "cpu": cpu / took * 100, "load_cpu": own / took * 100,
        "us": cpu / took * 1e6 / count, "kb": 0, "slowest": 1, "fastest": 1, "first_p50": 0, "first_p99": 0, "gap_max": 0,
        "stalls": 0, "skipped": 0}))


if __name__ == "__main__":
    main()
