"""A real browser: headless Chromium, driven by chromedriver over HTTP as the WebDriver specification has it.

    page = t.browser()
    page.open(server.http_url("/"))
    page.wait("return document.querySelector('video').currentTime > 1", 10, "the picture")
"""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import tempfile
import time

from . import SCALE
from .server import Process, wait_for

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-dev-shm-usage", "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
         "--autoplay-policy=no-user-gesture-required", "--mute-audio", "--hide-scrollbars",
         "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SECONDS = 30.0      # for one command, unless it says otherwise


class ScriptError(AssertionError):
    """What the page, or chromedriver, answered instead of a value."""


class Browser:
    """One Chromium with one page and a profile of its own. Every command has a deadline."""

    def __init__(self, log, width=1280, height=800, flags=()):
        self.profile = tempfile.mkdtemp(prefix="srs-test-chromium-")
        self.session = None
        self.driver = Process(["chromedriver", "--port=0", "--allowed-ips=127.0.0.1"], log)
        try:
            started = wait_for(lambda: re.search(r"successfully on port (\d+)", self.driver.output()), 20, "chromedriver")
            self.port = int(started.group(1))
            self._begin([*FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}", *flags])
        except BaseException:
            self.close()
            raise

    def _begin(self, flags):
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": flags},
                  "goog:loggingPrefs": {"browser": "ALL"},
                  "timeouts": {"script": int(SECONDS * SCALE * 1000), "pageLoad": int(SECONDS * SCALE * 1000)}}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}}, 60)
        self.version = answer["capabilities"]["browserVersion"]
        self.session = answer["sessionId"]

    def _call(self, method, path, body=None, seconds=SECONDS):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds * SCALE)
        try:
            conn.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = json.loads(conn.getresponse().read())["value"]
        except TimeoutError:
            raise AssertionError(f"the browser did not answer {method} {path} within {seconds * SCALE:g} s") from None
        finally:
            conn.close()
        if isinstance(answer, dict) and "error" in answer and "stacktrace" in answer:
            raise ScriptError(f"{answer['error']}: {answer['message']}")
        return answer

    def command(self, method, name, body=None, seconds=SECONDS):
        """A command of the session: command("GET", "title")."""
        return self._call(method, f"/session/{self.session}/{name}", body, seconds)

    def cdp(self, name, **params):
        """A command of Chromium's own protocol."""
        return self.command("POST", "goog/cdp/execute", {"cmd": name, "params": params})

    # What a test does with a page.

    def open(self, url):
        """Loads the page, to its load event."""
        self.command("POST", "url", {"url": url}, SECONDS + 5)

    def run(self, script, *args):
        """The value of a function's body: run("return arguments[0] + 1", 2)."""
        return self.command("POST", "execute/sync", {"script": script, "args": list(args)}, SECONDS + 5)

    def run_async(self, script, *args):
        """The value that an async function's body returns: run_async("return await (await fetch(arguments[0])).text()", url)."""
        wrapped = ("const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
                   "(async function () {" + script + "}).apply(null, given)"
                   ".then(value => done({value}), e => done({failed: String(e && e.stack || e)}));")
        answer = self.command("POST", "execute/async", {"script": wrapped, "args": list(args)}, SECONDS + 5)
        if "failed" in answer:
            raise ScriptError(answer["failed"])
        return answer.get("value")

    def wait(self, script, seconds=10.0, what="the expected state of the page", *args):
        """The first true value of the script."""
        try:
            return wait_for(lambda: self.run(script, *args), seconds, what, every=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}\nconsole: {self.console()}") from None

    def console(self):
        """Lines of the page's console since the last call, as (level, text): also what its policy refused."""
        return [(line["level"], line["message"]) for line in self.command("POST", "se/log", {"type": "browser"})]

    def screenshot(self, path, whole=False):
        """A PNG of what is seen, or of the whole page."""
        data = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
        return path

    def look(self, width=1280, height=800, dark=False, phone=False):
        """The size of the window, the colour scheme, and whether it is a phone's."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def press(self, key):
        """One key, as a keyboard sends it ("\ue004" is Tab, "\ue007" Enter)."""
        self.command("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def __str__(self):
        """What its console says, for the report of a failure."""
        try:
            return "\n".join(text for _, text in self.console()[-20:]) if self.session else "is closed"
        except (OSError, AssertionError, http.client.HTTPException) as e:
            return f"does not answer: {e}"

    # The end.

    def _left(self):
        """Processes that have our profile: Chromium's, whoever is their parent."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f"--user-data-dir={self.profile}".encode() in f.read():
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def close(self):
        """Ends Chromium and chromedriver and removes the profile; whatever hangs is killed."""
        try:
            if self.session and self.driver.alive:
                self._call("DELETE", f"/session/{self.session}", seconds=10)
        except (OSError, ValueError, AssertionError, http.client.HTTPException):
            pass
        self.session = None
        self.driver.kill9()
        deadline = time.monotonic() + 5 * SCALE
        while self._left() and time.monotonic() < deadline:
            for pid in self._left():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)
        shutil.rmtree(self.profile, ignore_errors=True)
