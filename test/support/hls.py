"""Players of HLS: one that reads a playlist once, and one that follows it and judges each version."""
import datetime
import re
import select
import socket
import subprocess
import threading
import time
import urllib.parse

from . import SCALE, httpc
from .rtmp import Closed


class HlsError(AssertionError):
    pass


class Segment:
    def __init__(self, number, uri, duration, is_break, init, key, date=None):
        self.number, self.uri, self.duration = number, uri, duration
        self.is_break, self.init, self.key, self.date = is_break, init, key, date


class Playlist:
    """A media playlist; what must not be in one raises HlsError."""

    def __init__(self, text):
        self.text = text
        lines = text.split("\n")
        if lines[0] != "#EXTM3U" or lines[-1] != "":
            raise HlsError(f"no playlist: {text[:80]!r}")
        self.segments, self.target, self.breaks_before = [], None, 0
        self.is_ended = False
        number, duration, is_break, init, key, date = 0, None, False, None, None, None
        for line in lines[1:-1]:
            tag, _, value = line.partition(":")
            if tag == "#EXT-X-MEDIA-SEQUENCE":
                number = int(value)
            elif tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
                self.breaks_before = int(value)
            elif tag == "#EXT-X-TARGETDURATION":
                self.target = int(value)
            elif tag == "#EXT-X-DISCONTINUITY":
                is_break = True
            elif tag == "#EXT-X-MAP":
                init = re.search('URI="([^"]*)"', value).group(1)
            elif tag == "#EXT-X-KEY":
                key = None if value == "METHOD=NONE" else re.fullmatch(
                    'METHOD=AES-128,URI="([^"]*)",IV=0x([0-9A-F]{32})', value).groups()
            elif tag == "#EXT-X-PROGRAM-DATE-TIME":
                date = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
            elif tag == "#EXT-X-ENDLIST":
                self.is_ended = True
            elif tag == "#EXTINF":
                duration = float(value.split(",")[0])
            elif line and not line.startswith("#"):
                self.segments.append(Segment(number + len(self.segments), line, duration, is_break, init, key, date))
                is_break, date = False, None
        if self.segments and self.target is None:
            raise HlsError("no target duration")
        for s in self.segments:
            if round(s.duration) > self.target:
                raise HlsError(f"segment {s.number} of {s.duration} s is longer than {self.target}")


def whole(url):
    """An answer to its end; Closed where the server has gone on the way."""
    answer = httpc.fetch(url)
    if not answer.clean:
        raise Closed(f"{url}: the answer was cut")
    return answer


def fetch_list(url):
    """The playlist, or None where there is none yet."""
    answer = whole(url)
    if answer.status == 404:
        return None
    if answer.status != 200 or answer.headers.get("content-type") != "application/vnd.apple.mpegurl":
        raise HlsError(f"{url}: {answer.status}, {answer.headers}")
    return Playlist(answer.content.decode())


def master(url):
    """The URL of the playlist that a master playlist names, or None where there is none yet."""
    answer = httpc.fetch(url)
    if answer.status == 404:
        return None
    lines = answer.content.decode().split("\n")
    if answer.status != 200 or not lines[1].startswith("#EXT-X-STREAM-INF:") or len(lines) != 4:
        raise HlsError(f"{url}: {answer.status}, {answer.content}")
    return urllib.parse.urljoin(url, lines[2])


def wait_master(url, timeout=15):
    """The same as soon as there is one."""
    deadline = time.monotonic() + timeout * SCALE
    while time.monotonic() < deadline:
        if found := master(url):
            return found
        time.sleep(0.05)
    raise HlsError(f"{url}: no master playlist in {timeout} s")


def fetch(url):
    answer = whole(url)
    if answer.status != 200:
        raise HlsError(f"{url}: {answer.status}")
    return answer.content


def wait_list(url, segments=1, timeout=15, ended=False):
    """The playlist as soon as it has so many segments."""
    deadline = time.monotonic() + timeout * SCALE
    while time.monotonic() < deadline:
        found = fetch_list(url)
        if found and len(found.segments) >= segments and (found.is_ended or not ended):
            return found
        time.sleep(0.05)
    raise HlsError(f"{url} has not got {segments} segments in {timeout} s: {found and found.text}")


def blocked_reloads(url, count, where):
    """So many reloads of a list wait for the part behind (number, part) = where(); how far apart their answers come,
    in seconds from the first one."""
    u = urllib.parse.urlsplit(url)
    socks = [socket.create_connection((u.hostname, u.port), 10) for _ in range(count)]
    number, part = where()
    request = (f"GET {u.path}?_HLS_msn={number}&_HLS_part={part + 1} HTTP/1.1\r\nHost: {u.netloc}\r\n\r\n").encode()
    poller = select.epoll()
    for s in socks:
        s.sendall(request)
        poller.register(s.fileno(), select.EPOLLIN)
    times = []
    by_fd = {s.fileno(): s for s in socks}
    deadline = time.monotonic() + 15 * SCALE
    while by_fd and time.monotonic() < deadline:
        for fd, _ in poller.poll(0.5):
            times.append(time.monotonic())
            head = by_fd[fd].recv(65536)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise HlsError(f"{head[:80]!r}")
            poller.unregister(fd)
            by_fd.pop(fd).close()
    if by_fd:
        raise HlsError(f"{len(by_fd)} of {count} reloads were not answered")
    times = sorted(x - times[0] for x in times)
    return {"p50": times[count // 2], "p99": times[count * 99 // 100], "most": times[-1]}


def decrypt(data, key, iv):
    done = subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-K", key.hex(), "-iv", iv], input=data,
                          capture_output=True, check=True)
    return done.stdout


class Follower(threading.Thread):
    """Fetches the list again and again, and each new segment once with what the list says at that
    moment: bytes by number. Judges how the list may change (RFC 8216bis 6.2)."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url = url
        self.lists, self.bytes, self.segments, self.inits = [], {}, {}, {}
        self.at = {}        # when each was there
        self.stopping, self.problem = False, None

    def run(self):
        try:
            while not self.stopping:
                self.step()
                time.sleep(0.1)
        except Exception as e:
            self.problem = e

    def step(self):
        found = fetch_list(self.url)
        if not found:
            return
        if self.lists:
            self._judge(self.lists[-1], found)
        self.lists.append(found)
        for s in found.segments:
            if s.number not in self.bytes:
                self.segments[s.number] = s
                self.bytes[s.number] = self._segment(s)
                self.at[s.number] = time.monotonic()

    def _segment(self, s):
        data = fetch(urllib.parse.urljoin(self.url, s.uri))
        if s.init and s.init not in self.inits:
            self.inits[s.init] = fetch(urllib.parse.urljoin(self.url, s.init))
        if s.key:
            data = decrypt(data, fetch(urllib.parse.urljoin(self.url, s.key[0])), s.key[1])
        return data

    def _judge(self, before, now):
        if not before.segments or not now.segments:
            return
        first, last = now.segments[0].number, before.segments[-1].number
        if first < before.segments[0].number:
            raise HlsError("MEDIA-SEQUENCE went back")
        if now.target != before.target:
            raise HlsError(f"TARGETDURATION became {now.target} from {before.target}")
        removed = [s for s in before.segments if s.number < first]
        if now.breaks_before != before.breaks_before + sum(s.is_break for s in removed):
            raise HlsError("DISCONTINUITY-SEQUENCE does not count what was removed")
        kept = {s.number: s for s in before.segments if s.number >= first}
        for s in now.segments:
            old = kept.get(s.number)
            if s.number <= last and (not old or (old.uri, old.duration, old.is_break, old.init, old.key) !=
                                     (s.uri, s.duration, s.is_break, s.init, s.key)):
                raise HlsError(f"segment {s.number} has changed")
            # A list may come from another origin, which has got the same pictures a little earlier or later.
            if s.number <= last and abs((old.date or 0) - (s.date or 0)) > 0.5 * SCALE:
                raise HlsError(f"segment {s.number} was at another time: {old.date}, {s.date}")
        if removed and sum(s.duration for s in now.segments) < 3 * now.target:
            raise HlsError("less than three target durations are left")

    def stalls(self, since):
        """How long a player stands still that has nothing in reserve: it shows each segment as soon as it is there. For all
        that came behind `since`, the longest first."""
        numbers = [n for n in sorted(self.at) if n - 1 in self.at and self.at[n] > since]
        return sorted((self.at[n] - self.at[n - 1] - self.segments[n - 1].duration for n in numbers), reverse=True)

    def stop(self):
        """Judges what was seen, what the list says now included."""
        self.close()
        if self.problem:
            raise self.problem
        self.step()

    def close(self):
        self.stopping = True
        if self.ident:
            self.join(10)
