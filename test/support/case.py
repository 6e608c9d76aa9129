"""One case: its folder, the things it started, and their end."""
import os
import shutil
import socket
import subprocess
import threading

from . import SCALE, flv, rtmp
from .browser import Browser
from .probe import Probe
from .publisher import Publisher, ffmpeg_publish, ffmpeg_record
from .server import BIN, Process, Server, free_port
from .srs import Srs


class Skip(Exception):
    """The case cannot be run here; the text says why."""


def limit(seconds):
    """A time limit of its own for a case."""
    def mark(function):
        function.limit = seconds
        return function
    return mark


def once(why):
    """A case that a sanitizer build says nothing more about, and why: it runs in the release build alone."""
    def mark(function):
        function.once = why
        return function
    return mark


def calm(function):
    """A case that takes long, and of that less than a sixth of one processor: one such runs beside the others."""
    function.calm = True
    return function


def browser(function):
    """A case with a Chromium, which needs the machine: one such runs at a time, and has twice the usual limit."""
    function.browser = True
    return function


def alone(function):
    """A case that judges what is in time: it runs when all others have ended, and shares the machine with none."""
    function.alone = True
    return function


class Case:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.things = []
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def need(self, tool):
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")

    def media(self, seconds=20, **kw):
        return flv.make_flv(seconds, **kw)

    def server(self, name, conf, **kw):
        """Starts objs/srs and waits until it listens. values=…, env=…, args=…, wait=…, yaml=…, program=…"""
        server = Server.__new__(Server)
        self.keep(server)
        server.__init__(name, conf, self.path(name), **kw)
        return server

    def run(self, *args, conf=None, env=None, seconds=10, name="once"):
        """objs/srs run to its end; .returncode and .text (both outputs)."""
        folder = self.path(name)
        os.makedirs(os.path.join(folder, "objs"), exist_ok=True)
        if conf is not None:
            with open(os.path.join(folder, "x.conf"), "w") as f:
                f.write(conf)
        with open(os.path.join(folder, "out"), "wb") as out:
            popen = subprocess.Popen([BIN, *args], cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                     env=dict(os.environ, **(env or {})), start_new_session=True)
            try:
                popen.wait(seconds * SCALE)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"srs {' '.join(args)} was still running after {seconds * SCALE:g} s") from None
            finally:
                if popen.poll() is None:
                    popen.kill()
                    popen.wait()
        with open(os.path.join(folder, "out"), errors="replace") as f:
            popen.text = f.read()
        return popen

    def spawn(self, command, name=None):
        return self.keep(Process(command, self.path((name or os.path.basename(command[0])) + ".log")))

    def ffmpeg(self, path, url, **kw):
        """ffmpeg publishing a file in real time."""
        return self.spawn(ffmpeg_publish(path, url, **kw), f"ffmpeg-publish-{len(self.things)}")

    def record(self, url, seconds, name="record.flv", extra=()):
        """What ffmpeg plays in so many seconds, as messages."""
        out = self.path(name)
        done = self.spawn(ffmpeg_record(url, out, seconds, extra), "ffmpeg-" + name)
        if done.wait(seconds + 15) != 0:
            raise AssertionError(f"ffmpeg could not play {url}:\n{done.output()[-2000:]}")
        return flv.read_file(out)

    def publish(self, url, media=None, **kw):
        """A Python encoder, running: it has had its Publish.Start."""
        publisher = self.keep(Publisher(url, media or self.media(), **kw))
        return publisher.start()

    def probe(self, url, **kw):
        return self.keep(Probe(url, **kw))

    def client(self, url, **kw):
        return self.keep(rtmp.Client(url, **kw))

    def browser(self, **kw):
        """A headless Chromium; the case is skipped where there is none."""
        for tool in ("chromium", "chromedriver"):
            self.need(tool)
        return self.keep(Browser(self.path(f"chromedriver-{len(self.things)}.log"), **kw))

    def srs(self, **kw):
        """A scripted server that speaks as SRS does."""
        kw.setdefault("port", free_port())
        return self.keep(Srs(**kw).start())

    def listen(self, handler=None):
        """A TCP server on a free port; handler(sock) runs in a thread per connection. None:
        accepts and never says a word."""
        return self.keep(RawServer(handler))

    def close(self, failed):
        """Ends everything, last started first. Servers must end well unless the case failed."""
        problems = []
        for thing in reversed(self.things):
            try:
                if isinstance(thing, Server):
                    if hasattr(thing, "popen"):
                        thing.stop(check=not failed)
                elif isinstance(thing, Process):
                    thing.kill9() if thing.alive else None
                elif isinstance(thing, Probe):
                    thing.stop()
                elif isinstance(thing, Publisher):
                    thing.stop() if thing.client else None
                else:
                    thing.close()
            except Exception as e:  # one that does not end must not keep the others alive
                problems.append(str(e))
        if problems and not failed:
            raise AssertionError("\n".join(problems))

    def tails(self):
        """The ends of all logs, for the report of a failure."""
        out = []
        for thing in self.things:
            if isinstance(thing, Server) and hasattr(thing, "popen"):
                out.append(f"--- {thing.name} (pid {thing.pid}, status {thing.status})\n{thing.tail()}")
            elif isinstance(thing, Process) and hasattr(thing, "popen"):
                out.append(f"--- {os.path.basename(thing.log_path)} (status {thing.status})\n"
                           f"{thing.output()[-1500:]}")
            elif isinstance(thing, Probe):
                out.append(f"--- probe {thing}")
            elif isinstance(thing, Browser):
                out.append(f"--- browser {thing}")
            elif isinstance(thing, Publisher):
                out.append(f"--- publisher {thing.url}: {len(thing.sent)} sent, {thing.ended}, {thing.codes}")
        return "\n".join(out)


class RawServer:
    def __init__(self, handler):
        self.handler = handler
        self.conns = []
        self.port = free_port()
        self.sock = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.conns.append(conn)
            if self.handler:
                threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            self.handler(conn)
        except OSError:
            pass
        conn.close()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    api_address = http_address = address        # whatever it is taken for

    def close(self):
        self.sock.close()
        for c in self.conns:
            c.close()
