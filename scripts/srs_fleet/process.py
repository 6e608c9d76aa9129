"""A server of the fleet at run time."""
import asyncio
import os
import signal
import subprocess
import sys
import time

READY_SECONDS, STOP_SECONDS = 30.0, 15.0


def say(text):
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Process:
    """A member at run time. A pidfd tells its end, whoever its parent is: `up` takes over what already runs."""

    def __init__(self, supervisor, member):
        self.supervisor, self.member = supervisor, member
        self.pid = self.pidfd = 0
        self.started, self.restarts, self.backoff = 0.0, 0, 0
        self.last_end, self.due = "", 0.0
        self.wanted, self.timer = True, None
        self.former = {}        # processes that an upgrade has replaced and that have clients still, by pidfd
        self.ended = asyncio.Event()

    def start(self):
        self.timer, self.started = None, time.monotonic()
        pid = self.member.holder()
        if pid:
            say(f"{self.member.name}: runs already, process {pid}")
            return self.watch(pid)
        try:
            pid = self.spawn()
        except OSError as e: # the program is being replaced, or the disk is full
            return self.start_later(f"could not be started: {e.strerror}", "")
        say(f"{self.member.name}: started, process {pid}")
        self.watch(pid)

    def spawn(self):
        with open(self.member.path(".out"), "wb") as out:
            return subprocess.Popen([self.member.fleet.program, "-c", self.member.conf], stdout=out, stderr=out,
                                    stdin=subprocess.DEVNULL, start_new_session=True, cwd=self.member.fleet.base,
                                    env=dict(os.environ, **self.member.env())).pid

    def start_later(self, why, words):
        """Later each time, unless it ran for a while."""
        restart, now = self.member.fleet.restart, time.monotonic()
        longer = self.backoff and now - self.started <= restart["steady"]
        self.backoff = min(self.backoff * 2, restart["most"]) if longer else restart["first"]
        self.last_end, self.due = why, now + self.backoff
        self.restarts += 1
        say(f"{self.member.name}: {why}, starts again in {self.backoff:g} s{words}")
        self.timer = asyncio.get_running_loop().call_later(self.backoff, self.start)

    def waits(self):
        """"ended with 1 unasked, starts again in 3 s"; "" when it runs."""
        return f"{self.last_end}, starts again in {max(0, self.due - time.monotonic()):.0f} s" if self.timer else ""

    def watch(self, pid):
        if self.pidfd:
            self.former[self.pidfd] = self.pid
            asyncio.get_running_loop().add_reader(self.pidfd, self.on_former_end, self.pidfd)
            self.pidfd = 0
        try:
            self.pidfd = os.pidfd_open(pid)
        except ProcessLookupError: # it ended before it could be watched
            self.pid = pid
            return self.on_end()
        self.pid, self.started = pid, time.monotonic()
        self.ended.clear()
        if self.member.cpu is not None:
            try:
                os.sched_setaffinity(pid, {self.member.cpu})
            except OSError as e:
                say(f"{self.member.name}: not bound to CPU {self.member.cpu}: {e.strerror}")
        asyncio.get_running_loop().add_reader(self.pidfd, self.on_end)

    def on_former_end(self, pidfd):
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        pid = self.former.pop(pidfd)
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass # another process started it
        say(f"{self.member.name}: the former process {pid} has ended")

    def on_end(self):
        if self.pidfd:
            asyncio.get_running_loop().remove_reader(self.pidfd)
            os.close(self.pidfd)
        why = "ended"
        try:
            _, status = os.waitpid(self.pid, os.WNOHANG)
            code = os.waitstatus_to_exitcode(status)
            why = f"ended by signal {-code}" if code < 0 else f"ended with {code}"
        except ChildProcessError:
            pass # another process started it
        gone, self.pid, self.pidfd = self.pid, 0, 0
        self.ended.set()
        if not self.wanted:
            return say(f"{self.member.name}: {why}")
        heir = self.member.holder()
        if heir and heir != gone: # an upgrade that somebody else asked for
            say(f"{self.member.name}: process {heir} took over")
            return self.watch(heir)
        self.start_later(f"{why} unasked", self.last_words())

    def last_words(self):
        try:
            with open(self.member.path(".out"), "rb") as f:
                lines = f.read()[-2000:].decode(errors="replace").strip().splitlines()[-3:]
        except OSError:
            return ""
        return "".join(f"\n    {line}" for line in lines)

    def signal(self, number):
        if self.pidfd:
            signal.pidfd_send_signal(self.pidfd, number)

    async def stop_former(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pidfd in self.former:
                signal.pidfd_send_signal(pidfd, number)
            end = time.monotonic() + STOP_SECONDS
            while self.former and time.monotonic() < end:
                await asyncio.sleep(0.02)

    async def stop(self):
        self.wanted = False
        if self.timer:
            self.timer.cancel()
            self.timer = None
        await asyncio.gather(self.stop_former(), self.stop_newest())

    async def stop_newest(self):
        if not self.pid:
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended.wait(), STOP_SECONDS)
        except asyncio.TimeoutError:
            say(f"{self.member.name}: did not end within {STOP_SECONDS:g} s, is killed")
            self.signal(signal.SIGKILL)
            await self.ended.wait()

    async def until_ready(self, pid_was=0):
        """Waits until the process, another one than that, serves; '' or what is wrong."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            pid = self.member.holder()
            if pid and pid != pid_was and await asyncio.to_thread(self.member.serves):
                if pid != self.pid:
                    self.watch(pid)
                return ""
            if not pid_was and not self.pid:
                return "ended at its start" + self.last_words()
            await asyncio.sleep(0.05)
        return f"does not serve after {READY_SECONDS:g} s"

    async def restart(self):
        await self.stop()
        self.wanted, self.backoff = True, 0
        self.start()
        return await self.until_ready()

    async def upgrade(self):
        if not self.pid:
            return "does not run"
        wrong = await asyncio.to_thread(self.member.check)
        if wrong:
            return f"stays as it is: {wrong}"
        before = self.pid
        self.signal(signal.SIGUSR2)
        return await self.until_ready(pid_was=before)
