"""What pages in a browser may do: CORS as the Fetch standard has it, forged requests, JSONP, passwords."""
import base64
import http.server
import json
import signal
import threading
import time

import topology as top
from support import case, httpc
from support.server import wait_for

CONSOLE = "https://console.example.com"
EVIL = "http://evil.example"


def api(t, directives):
    return t.server("srs", top.local().replace("http_api { enabled on;", "http_api { enabled on; " + directives))


def auth(password="secret"):
    return "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()


def browser(url, origin, method="GET", headers=()):
    """What a page of that origin gets: the response, or None where the browser refuses (Fetch, 4.8 and 4.10)."""
    headers = dict(headers)
    names = sorted(k.lower() for k in headers)
    if method not in ("GET", "HEAD", "POST") or names:
        asks = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Access-Control-Request-Method": method}
        if names:
            asks["Access-Control-Request-Headers"] = ",".join(names)
        r = httpc.fetch(url, "OPTIONS", headers=asks)
        if not 200 <= r.status < 300 or r.headers.get("access-control-allow-origin") not in (origin, "*"):
            return None
        methods = [m.strip() for m in r.headers.get("access-control-allow-methods", "").split(",")]
        allowed = [n.strip().lower() for n in r.headers.get("access-control-allow-headers", "").split(",")]
        if method not in methods and method not in ("GET", "HEAD", "POST"):
            return None
        if any(n not in allowed and ("*" not in allowed or n == "authorization") for n in names):
            return None
    r = httpc.fetch(url, method, headers={"Origin": origin, "Sec-Fetch-Site": "cross-site", **headers})
    return r if r.headers.get("access-control-allow-origin") in (origin, "*") else None


def kick(server, **kw):
    return browser(server.api_url("/api/v1/clients/nobody"), method="DELETE", **kw)


def test_console_on_a_listed_origin(t):
    """A console on a listed origin reads and kicks with Basic authentication; one on another origin does neither."""
    s = api(t, f"allowed_origins {CONSOLE}; auth {{ enabled on; username admin; password secret; }}")
    head = {"Authorization": auth()}
    denied = browser(s.api_url("/api/v1/clients/"), CONSOLE)
    assert denied.status == 401 and 'realm="' in denied.headers["www-authenticate"], denied.headers
    assert browser(s.api_url("/api/v1/clients/"), CONSOLE, headers=head).status == 200
    assert kick(s, origin=CONSOLE, headers=head).status == 200
    assert browser(s.api_url("/api/v1/clients/"), EVIL, headers=head) is None
    assert kick(s, origin=EVIL, headers=head) is None
    r = httpc.fetch(s.api_url("/api/v1/clients/x"), "OPTIONS", headers={
        "Origin": CONSOLE, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Private-Network": "true"})
    assert r.headers["access-control-allow-methods"] == "GET, HEAD, DELETE", r.headers
    assert r.headers["access-control-allow-private-network"] == "true" and r.headers["vary"] == "Origin"
    assert "access-control-request-private-network" not in r.headers


def blank_site(t):
    """The origin of a site that has one empty page."""
    class Blank(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><title>console</title>")

        def log_message(self, *args):
            pass
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    t.keep(Closing(site.server_close, site.shutdown))
    return f"http://127.0.0.1:{site.server_address[1]}"


class Closing:
    def __init__(self, *calls):
        self.calls = calls

    def close(self):
        for call in reversed(self.calls):
            call()


FETCH = """
    const [url, method, password] = arguments;
    const headers = password ? {Authorization: "Basic " + btoa("admin:" + password)} : {};
    return fetch(url, {method, headers}).then(async r => [r.status, await r.text()], e => [0, String(e)]);
"""


@case.browser
def test_console_of_another_site_in_chromium(t):
    """In Chromium a console on a listed origin reads and kicks with Basic authentication; one elsewhere does neither."""
    listed, other = blank_site(t), blank_site(t)
    s = api(t, f"allowed_origins {listed}; auth {{ enabled on; username admin; password secret; }}")
    page = t.browser()
    t.publish(s.url("live/x"))
    clients = s.api_url("/api/v1/clients/")

    def fetch(method="GET", url=clients, password="secret"):
        return page.run_async(FETCH, url, method, password)
    page.open(other + "/")
    assert fetch()[0] == 0 and fetch("DELETE")[0] == 0 and fetch(password="")[0] == 401
    page.open(listed + "/")
    assert fetch(password="")[0] == 401 and fetch(password="wrong")[0] == 401

    def ids():
        status, text = fetch()
        assert status == 200, text
        return [c["id"] for c in json.loads(text)["clients"]]
    client, = wait_for(ids, 5, "the publisher")
    assert fetch("DELETE", clients + client)[0] == 200
    wait_for(lambda: client not in ids(), 5, "the publisher's end")


def test_pages_of_other_sites_change_nothing(t):
    """A picture, a form and a script of a foreign page neither reload nor kick; callers without a browser may."""
    s = api(t, f"allowed_origins {CONSOLE}; raw_api {{ enabled on; allow_reload on; }}")
    reload, client = s.api_url("/api/v1/raw?rpc=reload"), s.api_url("/api/v1/clients/nobody")
    for page in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": EVIL}, {"Origin": "null"},
                 {"Sec-Fetch-Site": "same-origin", "Host": "evil.example"}, {"Origin": EVIL, "Host": "evil.example"},
                 {"Origin": CONSOLE}):
        assert httpc.fetch(reload, headers=page).status == 403, page
        assert httpc.fetch(client, "DELETE", headers=page).status == 403, page
    assert "reading the configuration again" not in s.log()
    assert httpc.fetch(client, "DELETE").status == 200
    assert kick(s, origin=CONSOLE, headers={"Authorization": auth()}).status == 200
    assert httpc.fetch(reload).status == 200
    wait_for(lambda: "reading the configuration again" in s.log(), 5, "the reload")
    assert browser(s.api_url("/api/v1/clients/"), EVIL).status == 200, "crossdomain lets pages read"


def test_jsonp_only_when_turned_on(t):
    """Answers are scripts only with `jsonp on`, never with a password, and never change anything."""
    s = api(t, "")
    url = "/api/v1/versions?callback=f"
    assert httpc.fetch(s.api_url(url)).content.startswith(b"{")
    on = s.conf.replace("http_api { enabled on;", "http_api { enabled on; jsonp on;")
    for text, start in ((on, b"f({"), (on.replace("jsonp on;", "jsonp on; auth { enabled on; username admin; password secret; }"), b"{")):
        s.write_conf(text)
        done = s.log().count("the new configuration is in use")
        s.signal(signal.SIGHUP)
        wait_for(lambda n=done: s.log().count("the new configuration is in use") > n, 5, "the reload")
        assert httpc.fetch(s.api_url(url), headers={"Authorization": auth()}).content.startswith(start)


def test_wrong_passwords_are_slow(t):
    """An address tries a few passwords a second on however many connections, is logged once, and locks out nobody else."""
    s = api(t, "auth { enabled on; username admin; password secret; }")
    end, statuses, lock = time.monotonic() + 3, [], threading.Lock()

    def guess(n):
        while time.monotonic() < end:
            status = httpc.fetch(s.api_url("/api/v1/versions"), headers={"Authorization": auth(f"wrong{n}")}, timeout=10).status
            with lock:
                statuses.append(status)
    threads = [threading.Thread(target=guess, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tried, refused = statuses.count(401), statuses.count(429)
    assert tried + refused == len(statuses) and tried <= 10 + 4 * 5, (tried, refused)
    s.wait_log("the name, password or token is wrong")
    assert s.log().count("the name, password or token is wrong") == 1
    wait_for(lambda: httpc.fetch(s.api_url("/api/v1/versions"), headers={"Authorization": auth()}).status == 200, 5,
             "the right password")
    count = httpc.fetch_json(s.api_url("/api/v1/summaries"), headers={"Authorization": auth()})
    assert count["data"]["cluster"]["refused"]["passwords"] >= tried, count["data"]["cluster"]["refused"]
    print(f"passwords looked at in 3 s: {tried}, refused unseen: {refused}")
