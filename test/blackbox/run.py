#!/usr/bin/env python3
"""Runs the black-box cases: the functions test_* of test_*.py in this folder, in the order of
their names, three at a time (two with sanitizers), each in a process and a folder (objs/test/<case>) of its own. One
more runs beside them if it is marked case.calm. Two processors are idle for most of the time even so: most cases wait.
Chromium does not: of the cases that are marked case.browser, and those of a module that says BROWSER = True, one runs at
a time, and each has 120 s instead of 60. Those that are marked case.alone stand behind all others and run one by one.

A case is a function with one argument, the Case, and a docstring that is its sentence. It passes
by returning, fails by any exception, is skipped by case.Skip. In a sanitizer build those that are
marked case.once are left out, and all of a module that says why in ONCE."""
import argparse
import fnmatch
import glob
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.dirname(HERE), HERE]
OK, FAILED, SKIPPED = 0, 1, 77


class TooLong(BaseException):
    """The time limit of a case. Not an Exception, so that no handler on the way swallows it."""


def discover():
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name in sorted(vars(module)):
            if name.startswith("test_") and callable(vars(module)[name]):
                yield f"{module.__name__}.{name}", vars(module)[name]


def sentence(function):
    return " ".join((function.__doc__ or "").split())


def time_limit(function, scale):
    return getattr(function, "limit", 120 if is_browser(function) else 60) * scale


def is_browser(function):
    """Whether it starts a Chromium, which takes a whole processor for a while."""
    return getattr(function, "browser", False) or getattr(sys.modules[function.__module__], "BROWSER", False)


def is_once(function):
    """Whether a sanitizer build would say nothing more."""
    return bool(getattr(function, "once", "") or getattr(sys.modules[function.__module__], "ONCE", ""))


def run_one(name):
    """The body of the child process: one case."""
    from support import SCALE
    from support.case import Case, Skip
    module, _, function = name.partition(".")
    run = getattr(importlib.import_module(module), function)

    def too_long(*_):
        raise TooLong(f"the case ran longer than {time_limit(run, SCALE):g} s")
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    signal.setitimer(signal.ITIMER_REAL, time_limit(run, SCALE))
    case = Case(name, os.path.join(TOP, "objs", "test", name))
    result, failed = OK, True
    try:
        try:
            run(case)
            failed = False
        finally:
            case.close(failed)
    except Skip as e:
        print(e)
        result = SKIPPED
    except (Exception, TooLong) as e:
        short = traceback.extract_tb(e.__traceback__)
        where = next((f for f in reversed(short) if os.path.basename(f.filename).startswith("test_")), short[-1])
        print(f"{os.path.basename(where.filename)}:{where.lineno}: {type(e).__name__}: {e}")
        traceback.print_exc(limit=-6, file=sys.stdout)
        print(case.tails())
        result = FAILED
    sys.stdout.flush()
    os._exit(result)            # threads that still wait on a socket hold nobody up


class Child:
    def __init__(self, name, function, is_calm, scale, out_folder):
        self.name, self.function, self.is_calm = name, function, is_calm
        self.log = os.path.join(out_folder, name + ".txt")
        self.started = time.monotonic()
        self.hard = self.started + time_limit(function, scale) + 20 * scale
        with open(self.log, "wb") as out:
            self.popen = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--one", name], stdout=out,
                                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                          start_new_session=True)

    def poll(self):
        """The status, or None while it runs. With it comes what processor time it took, with all that it started."""
        if self.popen.returncode is None:
            if time.monotonic() > self.hard:
                os.killpg(self.popen.pid, signal.SIGKILL)
            pid, status, used = os.wait4(self.popen.pid, os.WNOHANG)
            if pid:
                self.popen.returncode = os.waitstatus_to_exitcode(status)
                self.took, self.busy = time.monotonic() - self.started, used.ru_utime + used.ru_stime
        return self.popen.returncode

    def kill(self):
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def report(self):
        with open(self.log, errors="replace") as f:
            return f.read()


def choose(options):
    cases = list(discover())
    if options.k:
        wild = [p if any(c in p for c in "*?[") else f"*{p}*" for p in options.k]
        cases = [c for c in cases if any(fnmatch.fnmatch(c[0], p) for p in wild)]
        return cases
    if options.sanitize:
        left_out = [c for c in cases if is_once(c[1])]
        cases = [c for c in cases if c not in left_out]
        print(f"{len(left_out)} cases are left out, of which a sanitizer build says nothing more")
    if options.half is not None:
        count = len(cases)
        cases = [c for c in cases if half_of(c[0]) == options.half or is_once(c[1])]
        print(f"{count - len(cases)} cases are left out: the other half")
    return cases


def show_list(cases):
    for name, function in cases:
        print(f"{name}: {sentence(function)}")
    return 0


def half_of(name):
    return zlib.crc32(name.encode()) & 1


class Places:
    """Which case is next: so many at a time, and one more that is calm. Calm cases that find no such place in time take
    an ordinary one at the end. A case with a browser lets others pass while there is one that runs. Behind all of them
    stand those that are alone, one by one."""

    def __init__(self, cases, count):
        self.count = count
        self.alone = [c for c in cases if getattr(c[1], "alone", False)] if count > 1 else []
        cases = [c for c in cases if c not in self.alone]
        self.calm = [c for c in cases if getattr(c[1], "calm", False)] if count > 1 else []
        self.others = [c for c in cases if c not in self.calm]

    def take(self, running):
        calm = sum(child.is_calm for child in running)
        if not calm and (case := self.first_of(self.calm, running)):
            return (*case, True)
        if len(running) - calm < self.count and (case := self.first_of(self.others or self.calm, running)):
            return (*case, False)
        if self.alone and not running:
            return (*self.alone.pop(0), False)
        return None

    @staticmethod
    def first_of(waiting, running):
        """Takes the first one that may run beside these, if there is one."""
        is_taken = any(is_browser(child.function) for child in running)
        for n, (_, function) in enumerate(waiting):
            if not (is_taken and is_browser(function)):
                return waiting.pop(n)
        return None


def run_all(cases, options):
    """Prints a line per case and returns how many passed, failed and were skipped."""
    out_folder = os.path.join(TOP, "objs", "test", ".out")
    os.makedirs(out_folder, exist_ok=True)
    places, running = Places(cases, options.j), []
    counts = {OK: 0, FAILED: 0, SKIPPED: 0}
    try:
        while True:
            while following := places.take(running):
                running.append(Child(*following, options.scale, out_folder))
            if not running:
                break
            time.sleep(0.02)
            for child in [c for c in running if c.poll() is not None]:
                running.remove(child)
                counts[show(child)] += 1
    finally:
        for child in running:
            child.kill()
    return counts


def show(child):
    status = child.poll() if child.poll() in (OK, SKIPPED) else FAILED
    word = {OK: "pass", FAILED: "FAIL", SKIPPED: "skip"}[status]
    print(f"{word} {child.took:6.1f} s {100 * child.busy / child.took:3.0f}%  {child.name}: {sentence(child.function)}")
    if status != OK:
        text = child.report().rstrip() or f"the case's process ended with {child.poll()}"
        print("    " + text.replace("\n", "\n    "))
    sys.stdout.flush()
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-k", action="append", metavar="PATTERN", help="only cases whose name matches")
    parser.add_argument("-j", type=int, help="how many at a time, beside a calm one (3; 2 with sanitizers, which need the processors)")
    parser.add_argument("--half", type=int, choices=(0, 1),
                        help="only one half of the cases, and all that a sanitizer build leaves out; not with -k")
    parser.add_argument("--list", action="store_true", help="print names and sentences")
    parser.add_argument("--sanitize", action="store_true", help="longer limits, for sanitizer builds")
    parser.add_argument("--short", action="store_true", help="the short form of the long cases")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.one)
    options.j = options.j or (2 if options.sanitize else 3)
    options.scale = 4.0 if options.sanitize else float(os.environ.get("TEST_SCALE", "1"))
    os.environ["TEST_SCALE"] = str(options.scale)
    if options.short:
        os.environ["TEST_SHORT"] = "1"
    cases = choose(options)
    if options.list:
        return show_list(cases)
    for tool in ("ffmpeg", "ffprobe", "curl"):
        if not shutil.which(tool):
            print(f"{tool} is needed for these tests and is not installed")
            print(f"0 passed, {len(cases)} failed, 0 skipped")
            return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    counts = run_all(cases, options)
    print(f"{counts[OK]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped")
    return 1 if counts[FAILED] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
