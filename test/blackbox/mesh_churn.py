"""A mesh of origins that come and go while streams move and players ask for them.

The origins are 127.0.0.1 to 127.0.0.N on the same ports; they and the edges find each other by one
DNS name. Every few seconds one is killed, and one that was killed before is started again. A stream
whose origin is killed is published again at another one, as encoders do. Players ask any origin or
edge for any stream that has been published for a while; what they hear counts when neither the
stream nor the origin that was asked has changed meanwhile."""
import collections
import random
import threading
import time

import topology as top
from support import SCALE, flv, rtmp
from support.dns import Dns
from support.server import free_port

NAME = "origins.test"
SETTLED = 2.5           # caches and names have caught up with a change that is so old
REDIRECTS_MAX = 5
RELAY = {"srs_pid": 4711.0, "srs_server": "churn"}
ORIGIN = top.MEMBER.replace("max_connections 1000", "max_connections 5000")


class Refusal(Exception):
    pass


class Origin:
    def __init__(self, number):
        self.number, self.host, self.server, self.since, self.life = number, f"127.0.0.{number}", None, None, 0

    @property
    def up(self):
        return self.since is not None


class Stream:
    def __init__(self, name):
        self.name, self.origin, self.since, self.life = name, None, None, 0


class Churn:
    def __init__(self, t, origins=8, streams=500, players=20, edges=2, every=3.0, seed=1):
        self.t, self.random, self.every = t, random.Random(seed), every
        self.rtmp, self.api = free_port(), free_port()
        self.dns = t.keep(Dns(free_port()))
        self.origins = [Origin(n + 1) for n in range(origins)]
        self.streams = [Stream(f"s{n}") for n in range(streams)]
        self.player_count, self.edge_count = players, edges
        self.over = False
        self.failures, self.counts, self.lock = [], collections.Counter(), threading.Lock()
        media = t.media(2)
        messages = flv.read_file(media)
        self.header = next(m.payload for m in messages if m.type == rtmp.VIDEO and m.payload[:2] == b"\x17\x00")
        self.picture = next(m.payload for m in messages if m.type == rtmp.VIDEO and m.payload[:2] == b"\x17\x01")[:600]

    # origins

    def _up(self, o):
        if o.server is None:
            values = {"host": o.host, "dns": self.dns.address, "rtmp": self.rtmp, "api": self.api,
                      "cluster": f"coworkers {NAME}:{self.api}; on_miss auto; on_duplicate reject;"}
            o.server = self.t.server(f"o{o.number}", ORIGIN, values=values, wait=False)
        else:
            o.server.start(wait=False)
        for _ in range(500):
            try:
                rtmp.dial(o.host, self.rtmp).close()
                break
            except rtmp.Closed:
                time.sleep(0.02)
        o.life += 1
        o.since = time.monotonic()
        self._publish_names()

    def _down(self, o):
        o.since = None
        o.server.kill9()
        self._publish_names()

    def _publish_names(self):
        self.dns.set(NAME, *[o.host for o in self.origins if o.up])

    def _living(self):
        return [o for o in self.origins if o.up]

    # streams

    def _encode(self, stream):
        """An encoder: connects anywhere, again and again."""
        while not self.over:
            try:
                self._publish(stream, self.random.choice(self._living()))
            except (rtmp.Closed, rtmp.Timeout, rtmp.Refused, OSError, IndexError) as e:
                self.counts[f"encoder: {type(e).__name__}"] += 1
            stream.since, stream.origin = None, None
            stream.life += 1
            time.sleep(0.2 + self.random.random() * 0.3)

    def _publish(self, stream, origin):
        c = rtmp.Client(f"rtmp://{origin.host}:{self.rtmp}/live/{stream.name}", timeout=10.0)
        try:
            c.connect()
            c.publish()
            stream.origin, stream.since = origin, time.monotonic()
            began, last = time.monotonic(), None
            c.send(rtmp.Message(rtmp.VIDEO, 0, c.sid, self.header, 6))
            while not self.over:
                now = int((time.monotonic() - began) * 1000)
                if last is None or now >= last + 500:
                    c.send(rtmp.Message(rtmp.VIDEO, now, c.sid, self.picture, 6))
                    last = now
                try:
                    c.read(0.5)
                except rtmp.Timeout:
                    pass
        finally:
            c.close()

    # players

    def _play(self):
        while not self.over:
            now = time.monotonic()
            ready = [o for o in self.origins if o.up and now - o.since > SETTLED]
            live = [s for s in self.streams if s.since and now - s.since > SETTLED]
            if not ready or not live:
                time.sleep(0.1)
                continue
            self._ask(self.random.choice(live), self.random.choice(ready))
            time.sleep(self.random.random() * 0.2)

    def _ask(self, stream, origin):
        kind = self.random.choice(["player", "edge", "server"])
        life, origin_life, holder = stream.life, origin.life, stream.origin
        holder_life = holder.life if holder else None
        try:
            if kind == "edge":
                hops = self._once(self.random.choice(self.edges).url(f"live/{stream.name}"), None)
            else:
                hops = self._once(f"rtmp://{origin.host}:{self.rtmp}/live/{stream.name}",
                                  RELAY if kind == "server" else None)
            problem = None
        except (Refusal, rtmp.Closed, rtmp.Timeout, OSError) as e:
            hops, problem = [], f"{type(e).__name__}: {e}"
        # The holder's end counts from the kill on: its encoder hears of it a little later.
        unchanged = stream.life == life and (kind == "edge" or (origin.up and origin.life == origin_life)) and \
            holder is not None and holder.up and holder.life == holder_life
        with self.lock:
            self.counts[f"{kind}: " + (f"played after {len(hops)} redirects" if not problem else
                                       "refused" if unchanged else "void")] += 1
            if problem and unchanged:
                self.failures.append(f"{kind} asked {origin.host} for {stream.name}, which is at "
                                     f"{stream.origin and stream.origin.host}: {problem}")

    def _once(self, url, args):
        """Plays until the first picture; the redirects on the way."""
        hops = []
        while True:
            more = {"srs_redirected": "".join(f",{h}" for h in hops)} if hops else {}
            c = rtmp.Client(url, timeout=6.0)
            try:
                c.connect(dict(args, **more) if args else None)
                c.play()
                to = self._first(c)
            finally:
                c.close()
            if not to:
                return hops
            here = rtmp.Url(url)
            hops.append(f"{here.host}:{here.port}")
            there = rtmp.Url(to)
            if f"{there.host}:{there.port}" in hops:
                raise Refusal(f"a circle: {hops} and again {to}")
            if len(hops) > REDIRECTS_MAX:
                raise Refusal(f"too many redirects: {hops}")
            url = to

    @staticmethod
    def _first(c):
        """None at the first picture, the place of a redirect, or Refusal."""
        deadline = time.monotonic() + 6 * SCALE
        while True:
            m = c.read(deadline - time.monotonic())
            if m.type == rtmp.VIDEO:
                return None
            if m.type != rtmp.COMMAND:
                continue
            info = rtmp.Command(m).info
            if info.get("level") != "error":
                continue
            ex = info.get("ex")
            if not ex:
                raise Refusal(f"{info.get('code')}: {info.get('description')}")
            return ex["redirect2"]

    # all of it

    def run(self, seconds, tell=lambda text: None):
        for o in self.origins[:-1]:
            self._up(o)
        self.edges = [self.t.server(f"edge{n}", top.edge(f"{NAME}:{self.rtmp}", http=False,
                                                         top=f"resolver {self.dns.address};").replace(
                          "max_connections 1000", "max_connections 5000")) for n in range(self.edge_count)]
        threads = [threading.Thread(target=self._encode, args=(s,), daemon=True) for s in self.streams]
        threads += [threading.Thread(target=self._play, daemon=True) for _ in range(self.player_count)]
        for th in threads:
            th.start()
        ends, told = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < ends:
            time.sleep(min(self.every, max(0.0, ends - time.monotonic())))
            dead = [o for o in self.origins if not o.up]
            self._down(self.random.choice(self._living()))
            self._up(self.random.choice(dead))
            if time.monotonic() > told + 15:
                told = time.monotonic()
                tell(self.summary())
        self.over = True
        for th in threads:
            th.join(15)
        for o in self.origins:
            if not o.up and o.server:
                o.server.stopped = True
        return self

    def summary(self):
        with self.lock:
            lines = [f"{n:7} {what}" for what, n in sorted(self.counts.items())]
        return "\n".join(lines + [f"{len(self.failures):7} failures"])
