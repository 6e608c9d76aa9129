"""The page in the program and the outputs that it plays, in a real browser."""
import os
import time

import topology as top
from support import SCALE, gb, httpc, mp4, rtc
from support.case import alone, once
from support.browser import ScriptError
from support.rtmp import VIDEO, is_header
from support.server import median, wait_for

BROWSER = True


@once("The tests' browser is judged.")
def test_browser_runs_scripts_and_ends(t):
    """The tests' browser opens a page, runs scripts, takes pictures, knows its formats, and leaves nothing behind."""
    s = t.server("srs", top.local())
    page = t.browser()
    page.open(s.web("/api/v1/versions"))
    assert page.run("return document.body.innerText.slice(0, 9) + arguments[0]", "!") == '{"code":0!'
    assert page.run_async("return (await fetch('/api/v1/versions')).status") == 200
    page.look(390, 844, dark=True, phone=True)
    assert page.run("return [screen.width, matchMedia('(prefers-color-scheme: dark)').matches]") == [390, True]
    with open(page.screenshot(t.path("page.png")), "rb") as f:
        assert f.read(8) == b"\x89PNG\r\n\x1a\n"
    try:
        raise AssertionError(page.run_async("throw new Error('on purpose')"))
    except ScriptError as e:
        assert "on purpose" in str(e)
    for codecs in ("avc1.64001f, mp4a.40.2", "av01.0.04M.08, opus"):
        assert page.run("return MediaSource.isTypeSupported(`video/mp4; codecs=\"${arguments[0]}\"`)", codecs), codecs
    page.close()
    assert page._left() == []


POSITION = "const v = document.querySelector('video'); return v && v.readyState >= 2 && !v.paused ? v.currentTime : 0"


def shows(page, least, what="the picture"):
    """Waits until the video has gone on for so many seconds."""
    begin = page.wait(POSITION, 15, what)
    page.wait("return document.querySelector('video').currentTime > arguments[0]", least + 10, what + " moving", begin + least)


def watch(page, s, stream, way="auto"):
    page.open(s.web(f"/page/?{way}#play={stream}"))
    page.wait("return document.querySelector('#way option')", 10, "the list of ways to play")
    page.run("const way = document.getElementById('way'); way.value = arguments[0]; way.dispatchEvent(new Event('change'))", way)
    shows(page, 1)


def offset(s, stream, publisher):
    """What a server adds to a publisher's times, in milliseconds: by a picture that is in both."""
    sent = {bytes(m.payload[5:]): m.ts for m in publisher.sent if m.type == VIDEO and not is_header(m)}
    r = httpc.Response(s.web(f"/page/{stream}.mp4"))
    data = bytearray()
    while len(data) < 20000:
        data += r.read()
    r.close()
    end = data.rfind(b"moof") - 4
    first = mp4.samples(bytes(data[:end]))[1][0]
    return first.dts / 90 - sent[first.data]


def latency(page, publisher, added):
    """Seconds from the sending of a picture to its display: the median of several looks."""
    late = []
    for _ in range(9):
        shown = page.run(POSITION)
        late.append((publisher.sent[-1].ts + added) / 1000 - shown)
        page.run_async("await new Promise(done => document.querySelector('video').requestVideoFrameCallback(done))")
    return median(late)


def no_complaints(page):
    bad = [line for line in page.console() if line[0] == "SEVERE" or "Content Security Policy" in line[1]]
    assert bad == [], bad


@once("A page is judged; what it asks the server for other cases ask for.")
@alone
def test_page_plays_a_stream(t):
    """The page lists a stream and plays it in a real video element over WebSocket and HTTP, within a second of live, behind
    an edge too."""
    s = t.server("srs", top.local("mw_latency 50;"))
    edge = top.start_edge(t, s, play="mw_latency 50;")
    p = t.publish(s.url("live/show"), t.media(20, gop=1.0), mark=True)
    p.wait_sent(60)
    page = t.browser()
    for server, way in ((s, "ws"), (s, "http"), (edge, "ws")):
        watch(page, server, "live/show", way)
        added = offset(server, "live/show", p)
        shows(page, 2)
        late = latency(page, p, added)
        assert late <= 1.0 * SCALE, (server.name, way, late)
        assert page.run("return document.querySelector('video').videoWidth") == 320
        facts = page.run("return [...document.querySelectorAll('dd')].map(d => d.textContent)")
        assert facts[1].startswith("H264") and facts[2].startswith("AAC") and facts[0].endswith(" s"), facts
        assert page.run("return document.querySelector('#streams button').innerText").startswith("live/show")
        print(f"{server.name}, {way}: {late:.2f} s from the publisher to the screen; the page says {facts[0]}")
    no_complaints(page)


@once("A page is judged; what it asks the server for other cases ask for.")
def test_page_survives_an_origin(t):
    """Behind an edge the page goes on showing when the origin dies, and says where the stream comes from now."""
    origins = [t.server(f"origin{n}", top.local()) for n in (1, 2)]
    edge = top.start_edge(t, *origins, play="mw_latency 50;")
    for o in origins:
        t.publish(o.url("live/show"), t.media(20, gop=1.0))
    page = t.browser()
    watch(page, edge, "live/show")
    peer, plays = edge.stream("show")["relay"]["peer"], edge.log().count("flv-play of /live/show")
    page.wait("return document.getElementById('fact-from').textContent.includes(arguments[0])", 5, "where it comes from", peer)
    next(o for o in origins if o.address == peer).kill9()
    began = time.monotonic()
    shows(page, 3, "the picture after the origin's death")
    other = next(o for o in origins if o.address != peer)
    page.wait("return document.getElementById('fact-from').textContent.includes(arguments[0])", 5, "the other origin", other.address)
    assert "1 switch" in page.run("return document.getElementById('fact-from').textContent")
    assert edge.log().count("flv-play of /live/show") == plays, "the page did not have to connect again"
    print(f"three more seconds were shown {time.monotonic() - began:.1f} s after the death")
    no_complaints(page)


def test_page_tells_how_to_publish_and_may_be_turned_off(t):
    """The page has the addresses to publish to, hides names behind a password, gives way to files, and goes by a directive."""
    s = t.server("srs", top.local())
    page = t.browser()
    page.open(s.web("/"))
    page.wait("return document.querySelector('#to-publish code')", 5, "the addresses")
    page.run("const i = document.getElementById('to-stream'); i.value = '<b>x'; i.dispatchEvent(new Event('input', {bubbles: true}))")
    codes = page.run("return [...document.querySelectorAll('#publish code')].map(c => c.textContent)")
    assert f"rtmp://127.0.0.1:{s.rtmp}/live" in codes and any("/live/%3Cb%3Ex.flv" in c for c in codes), codes
    assert page.run("return document.querySelectorAll('#publish b').length") == 0
    page.run("document.getElementById('to-stream').focus()")
    page.press("\ue004")
    assert page.run("return document.activeElement.textContent") == "Copy"
    r = httpc.fetch(s.web("/"))
    assert "script-src 'self'" in r.headers["content-security-policy"] and "unsafe" not in r.headers["content-security-policy"]
    no_complaints(page)
    secret = t.server("secret", top.local().replace("http_api {", "http_api { auth { enabled on; username a; password b; }"))
    t.publish(secret.url("live/hidden"), t.media())
    assert b"hidden" not in httpc.fetch(secret.web("/api/v1/page")).content
    with open(os.path.join(s.folder, "objs", "nginx", "html", "index.html"), "w") as f:
        f.write("mine")
    assert httpc.fetch(s.web("/")).content == b"mine" and httpc.fetch(s.web("/page/")).status == 200
    off = t.server("off", top.local().replace("http_server {", "http_server { page off;"))
    for path in ("/", "/page/", "/page/watch.js", "/page/console.html"):
        assert httpc.fetch(off.web(path)).status == 404, path
    assert httpc.fetch(off.api_url("/page/console.html")).status == 404 and off.json("/api/v1/page")["code"] == 1061


@once("A page is judged; what it asks the server for other cases ask for.")
def test_console(t):
    """The console shows streams, clients, vhosts and the cluster, and disconnects a client only for who signs in."""
    auth = "writes auth; auth { username admin; password secret; }"
    origin = t.server("origin", top.local().replace("http_api { enabled on;", "http_api { enabled on; " + auth))
    edge = top.start_edge(t, origin)
    t.publish(origin.url("live/show"), t.media(20, gop=1.0))
    t.probe(edge.url("live/show")).wait_frames(10)
    page = t.browser()
    page.open(origin.web("/"))
    page.wait("return document.getElementById('console').href", 5, "the link to the console")
    page.open(page.run("return document.getElementById('console').href"))
    page.wait("return document.querySelector('#panel tbody')?.innerText.includes('live/show')", 5, "the streams")
    assert page.run("return document.querySelectorAll('#figures b').length") == 6
    tab = "document.querySelector(`#tabs [data-key=${arguments[0]}]`).click()"
    page.run(tab, "vhosts")
    page.wait("return document.querySelector('#panel').innerText.includes('__defaultVhost__')", 5, "the vhosts")
    page.run(tab, "cluster")
    page.wait("return document.querySelectorAll('.picture').length >= 2", 5, "the cluster as a picture")
    assert "edge" in page.run("return document.querySelector('#panel').textContent")
    page.screenshot(t.path("cluster.png"), whole=True)
    page.run(tab, "clients")
    page.wait("return document.querySelectorAll('#panel tbody tr').length == 2", 5, "the clients")
    before = {c["id"] for c in origin.clients()}
    page.run("[...document.querySelectorAll('#panel tr')].find(r => r.innerText.includes('rtmp-play')).querySelector('button').click()")
    page.run("document.querySelector('#sure button.main').click()")
    page.wait("return document.getElementById('ask').open", 5, "the question for the password")
    assert {c["id"] for c in origin.clients()} == before
    page.run("document.getElementById('ask-name').value = 'admin'; document.getElementById('ask-secret').value = 'secret';"
             "document.querySelector('#ask button.main').click()")
    wait_for(lambda: before - {c["id"] for c in origin.clients()}, 5, "the end of the client")
    bad = [line for line in page.console() if "Content Security Policy" in line[1]]
    assert bad == [], bad


# Texts whose contrast is below what WCAG's level AA wants.
CONTRAST = """const lum = c => c.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.04 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
return [...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && !e.closest('.screen') && !e.closest('svg') &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
    const [a, b] = [lum(getComputedStyle(e).color), lum(ground(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.tagName + ' ' + e.textContent.slice(0, 30)]; }).filter(([c]) => c < 4.5)"""


SCREENS = [(width, height, dark) for dark in (False, True) for width, height in ((390, 844), (1280, 900))]


def judge_screen(t, page, width, name):
    page.screenshot(t.path(name + ".png"), whole=True)
    assert page.run("return document.documentElement.scrollWidth") <= width, name
    wait_for(lambda: page.run(CONTRAST) == [], 5, f"{name}: contrast")     # colours change by and by


@once("Files are judged that the program only hands out.")
def test_page_on_all_screens(t):
    """On phones and wide windows, light and dark, nothing is wider than the window and all text can be read."""
    s = t.server("srs", top.local())
    t.publish(s.url("live/show"), t.media(20, gop=1.0))
    page = t.browser()
    for width, height, dark in SCREENS:
        page.look(width, height, dark, phone=width < 500)
        watch(page, s, "live/show")
        judge_screen(t, page, width, f"watch-{'dark' if dark else 'light'}-{width}")


@once("Files are judged that the program only hands out.")
def test_console_on_all_screens(t):
    """So it is with each tab of the console, that of cameras too."""
    s = t.server("srs", top.conf(top=gb.CONF % ("", "")))
    camera = gb.Camera(t, s)
    s.wait_live(camera.id, 10)
    t.publish(s.url("live/show"), t.media(20, gop=1.0))
    page = t.browser()
    page.open(s.api_url("/page/console.html"))
    for width, height, dark in SCREENS:
        page.look(width, height, dark, phone=width < 500)
        for tab, shown in (("streams", "live/show"), ("clients", "fmle-publish"), ("vhosts", "__defaultVhost__"), ("cluster", "this"),
                           ("cameras", camera.id)):
            page.wait("return !document.querySelector(`#tabs [data-key=${arguments[0]}]`).hidden", 5, "the tab", tab)
            page.run("document.querySelector(`#tabs [data-key=${arguments[0]}]`).click()", tab)
            page.wait("return document.querySelector('#panel').textContent.includes(arguments[0])", 5, tab, shown)
            judge_screen(t, page, width, f"{tab}-{'dark' if dark else 'light'}-{width}")


@once("A page is judged; what it asks the server for other cases ask for.")
def test_page_publishes_and_plays_webrtc(t):
    """The page publishes this camera over WebRTC and plays it so, and over WebSocket what came by WebRTC."""
    s = t.server("srs", top.conf(rtc.VHOST % "", top=rtc.SERVER % ""))
    page = t.browser()
    page.open(s.web("/page/"))
    page.wait("return !document.getElementById('camera').hidden", 5, "the button for the camera")
    page.run("document.getElementById('camera').click()")
    s.wait_live("livestream", 15)
    page.wait("return document.getElementById('camera-words').textContent.includes('live/livestream')", 5, "the page's word")
    other = t.browser()
    for way in ("rtc", "ws"):
        watch(other, s, "live/livestream", way)
        other.wait("return document.getElementById('fact-rate').textContent.endsWith('b/s')", 10, "the rate")
    no_complaints(other)
    page.run("document.getElementById('camera').click()")
    s.wait_ended("livestream", 15)
    no_complaints(page)
