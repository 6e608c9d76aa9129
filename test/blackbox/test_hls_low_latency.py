"""Low-Latency HLS: parts, blocking reload, hints, delta updates; and players that know nothing of it."""
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.parse

import topology as top
from support import SCALE, case, hls, httpc, mp4
from support.case import Skip
from support.flv import TOP
from support.rtmp import VIDEO, is_header, is_keyframe
from support.server import median, wait_for
from test_hls_edge import start_edge

HLS = ("hls {{ enabled on; hls_ctx off; hls_path ./objs/nginx/html; hls_fragment 1; hls_window 30; "
       "hls_low_latency on; hls_part 0.333; {more} }}")


def start(t, more="", name="srs"):
    return t.server(name, top.conf(HLS.format(more=more)))


def publish(t, s, seconds=20, burst=4000, **kw):
    return t.publish(s.url("live/a"), t.media(seconds, gop=1.0, **kw), speed=1, burst=burst)


def url(s, query=""):
    return s.web("/live/a.m3u8" + query)


class Parts:
    """What a playlist of low latency says of parts."""

    def __init__(self, text):
        self.text = text
        self.target = float(re.search(r"PART-TARGET=([0-9.]+)", text).group(1))
        self.hint = re.search(r'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)
        self.hint = self.hint and self.hint.group(1)
        self.first = int(re.search(r"MEDIA-SEQUENCE:(\d+)", text).group(1))
        skipped = re.search(r"SKIPPED-SEGMENTS=(\d+)", text)
        self.skipped = int(skipped.group(1)) if skipped else 0
        number, parts, self.parts, self.segments = self.first + self.skipped, [], {}, {}
        duration = None
        for line in text.split("\n"):
            found = re.match(r'#EXT-X-PART:DURATION=([0-9.]+),URI="([^"]+)"(,INDEPENDENT=YES)?$', line)
            if found:
                parts.append((found.group(2), float(found.group(1)), bool(found.group(3))))
            elif line.startswith("#EXTINF:"):
                duration = float(line[8:].split(",")[0])
            elif line and not line.startswith("#"):
                self.segments[number] = (line, duration)
                if parts:
                    self.parts[number] = parts
                number, parts = number + 1, []
        self.open = (number, len(parts))
        if parts:
            self.parts[number] = parts


def get(s, query="", status=200):
    answer = httpc.fetch(url(s, query), timeout=15)
    assert answer.status == status, (query, answer.status, answer.content)
    return Parts(answer.content.decode()) if status == 200 else None


def ready(t, s, segments=3):
    hls.wait_list(url(s), segments)
    return get(s)


def test_parts_are_the_segment(t):
    """A segment is its parts, one behind the other; each has its duration, the first one is independent, and players may wait."""
    s = start(t)
    publish(t, s)
    got = ready(t, s)
    assert "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=" in got.text
    assert 0.333 <= got.target <= 0.35, got.target
    whole = [n for n in got.segments if n in got.parts]
    assert whole and got.hint, got.text
    for n in whole:
        uri, duration = got.segments[n]
        pieces = [hls.fetch(urllib.parse.urljoin(url(s), p[0])) for p in got.parts[n]]
        assert hls.fetch(urllib.parse.urljoin(url(s), uri)) == b"".join(pieces)
        assert abs(sum(p[1] for p in got.parts[n]) - duration) < 0.01, got.text
        assert all(p[1] <= got.target for p in got.parts[n]) and got.parts[n][0][2], got.parts[n]
        assert all(p[1] >= 0.85 * got.target for p in got.parts[n][:-1]), got.parts[n]


def test_a_reload_waits_for_its_part(t):
    """_HLS_msn and _HLS_part hold an answer until that part is there; older ones come at once, ones too far ahead are refused, nonsense too."""
    s = start(t)
    publish(t, s)
    number, part = ready(t, s).open
    for _ in range(6):
        got = get(s, f"?_HLS_msn={number}&_HLS_part={part}")
        assert got.open > (number, part) or len(got.parts.get(number, [])) > part, got.text
        number, part = got.open
    began = time.monotonic()
    got = get(s, f"?_HLS_msn={number}")
    assert number in got.segments and time.monotonic() - began < 3
    assert get(s, f"?_HLS_msn={number - 5}&_HLS_part=0").open
    get(s, f"?_HLS_msn={got.open[0] + 5}", 400)
    get(s, f"?_HLS_msn={got.open[0]}&_HLS_part=40", 400)
    get(s, "?_HLS_part=1", 400)
    get(s, "?_HLS_msn=x", 400)


def test_a_hinted_part_is_waited_for(t):
    """The part that the playlist announces is held until it is made, then sent whole; another one that is not there is a 404."""
    s = start(t)
    publish(t, s)
    got = ready(t, s)
    for _ in range(4):
        hint = got.hint
        data = httpc.fetch(urllib.parse.urljoin(url(s), hint), timeout=10)
        assert data.status == 200 and b"moof" in data.content[:64], data.status
        got = get(s)
        listed = [p[0] for parts in got.parts.values() for p in parts]
        assert hint in listed, (hint, listed)
    assert httpc.fetch(urllib.parse.urljoin(url(s), hint.replace(".p", ".p9"))).status == 404


def test_the_first_reload_waits_for_the_stream(t):
    """A playlist that is asked for before the first segment is whole is held until it is."""
    s = start(t)
    publish(t, s, burst=0)
    wait_for(lambda: "HLS of /live/a begins" in s.log(), 5, "the beginning")
    answer = httpc.fetch(url(s), timeout=10)
    assert answer.status == 200 and b"#EXTINF" in answer.content


def test_delta_updates(t):
    """_HLS_skip leaves out what is older than six target durations; what is left is the end of the whole list."""
    s = start(t)
    publish(t, s, burst=14000)
    whole = ready(t, s, 9)
    assert whole.skipped == 0
    delta = get(s, "?_HLS_skip=YES")
    assert delta.skipped > 0 and delta.first >= whole.first
    whole = get(s)
    for n, segment in delta.segments.items():
        assert whole.segments.get(n, segment) == segment
    assert min(delta.segments) == delta.first + delta.skipped


@case.limit(90)
def test_plain_players_play_the_same_url(t):
    """A follower of plain HLS finds nothing wrong, and ffmpeg plays the URL."""
    s = start(t)
    publish(t, s)
    hls.wait_list(url(s), 2)
    follower = t.keep(hls.Follower(url(s)))
    follower.start()
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", url(s), "-t", "3", "-c", "copy", "-f", "null", "-"],
                          timeout=60, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    wait_for(lambda: len(follower.bytes) >= 5, 15, "segments")
    follower.stop()


def test_the_end_of_a_stream_ends_all_waiting(t):
    """Whoever waits when the publisher leaves gets the list that has ended."""
    s = start(t, "} publish { reconnect_grace 1; ")
    p = publish(t, s)
    number, _ = ready(t, s).open
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(httpc.fetch(url(s, f"?_HLS_msn={number + 1}"), timeout=15)))
    waiter.start()
    time.sleep(0.05)
    p.stop()
    waiter.join(15)
    assert answers and answers[0].status in (200, 503), answers
    wait_for(lambda: "#EXT-X-ENDLIST" in httpc.fetch(url(s)).content.decode(), 10, "the end")
    assert httpc.fetch(url(s, f"?_HLS_msn={number + 99}")).status == 200


@case.limit(90)
def test_many_blocked_reloads_are_answered_at_once(t):
    """Five hundred reloads that wait for one part are answered together, an edge's by one request."""
    s = t.server("srs", top.conf(HLS.format(more=""), top="srs_log_level info;"))
    edge = start_edge(t, s, more="hls_ctx off; hls_low_latency on;")
    publish(t, s)
    for server in (s, edge):
        hls.wait_list(url(server), 2)
        spread = hls.blocked_reloads(url(server), 500, lambda: get(server).open)
        assert spread["p99"] < 1.0, spread         # the benchmark measures what a quiet machine does
        print(f"500 blocked reloads, seconds behind the first answer: {spread}")
    asked = len(re.findall(r"HTTP GET /live/a.m3u8", s.log()))
    assert 500 < asked < 700, asked                 # those of the origin itself, and few of the edge


def test_an_edge_renews_what_did_not_wait(t):
    """A delta update that waits for nothing grows older at an edge only as a playlist does."""
    s = start(t)
    edge = start_edge(t, s, more="hls_ctx off; hls_low_latency on;")
    publish(t, s)
    hls.wait_list(url(edge), 2)
    first = httpc.fetch(url(edge, "?_HLS_skip=YES")).content
    wait_for(lambda: httpc.fetch(url(edge, "?_HLS_skip=YES")).content != first, 10, "another delta update")


def test_an_edge_asks_for_what_comes_next_alone(t):
    """Numbers that a player invents cost the origin nothing: what has been is in the list that the edge has, what is too
    far ahead is refused by the edge itself, and on a segment they mean nothing; what comes next is waited for, once."""
    s = t.server("srs", top.conf(HLS.format(more=""), top="srs_log_level info;"))
    edge = start_edge(t, s, more="hls_ctx off; hls_low_latency on;")
    publish(t, s, seconds=60)
    hls.wait_list(url(edge), 4)
    now = get(edge)
    number, parts = now.open
    segment = now.segments[number - 1][0]
    bytes_of = hls.fetch(edge.web("/live/" + segment))

    def asked():
        return len(re.findall("HTTP GET /live/", s.log()))

    before, began = asked(), time.monotonic()
    for i in range(60):
        old = get(edge, f"?_HLS_msn={number - 1 - i}" + (f"&_HLS_part={i % 3}" if i % 2 else "") + ("&_HLS_skip=YES" if i % 5 == 0 else ""))
        assert old.open >= (number, 0), (i, old.text)
        get(edge, f"?_HLS_msn={number + 100 * (i + 1)}", 400)
        get(edge, f"?_HLS_msn={number + 1}&_HLS_part={1000 + i}", 400)
        assert hls.fetch(edge.web(f"/live/{segment}?_HLS_msn={i}&_HLS_skip=YES")) == bytes_of
    seconds = time.monotonic() - began
    assert asked() - before <= 4 + 10 * seconds, (asked() - before, seconds)   # the lists, as they grow older
    here = get(edge).open
    assert get(edge, f"?_HLS_msn={here[0]}&_HLS_part={here[1]}").open > here


@case.calm
def test_a_picture_is_in_the_playlist_with_its_part(t):
    """From the sending of a part's first picture to the playlist that has the part no more passes than 1.2 part targets."""
    s = start(t)
    p = publish(t, s, burst=0)
    now = ready(t, s)
    times = []
    for _ in range(15):
        number, part = now.open
        now = get(s, f"?_HLS_msn={number}&_HLS_part={part}")
        at = time.monotonic()
        found = now.parts[number]
        first = 1000 * (number - now.first) + sum(d for _, d, _ in found[:part]) * 1000
        times.append((at, number, part, first))
    # The oldest segment begins with the first key frame that is there, each segment with one more.
    keys = [m for m in p.sent if m.type == VIDEO and is_keyframe(m) and not is_header(m)]
    begin = keys[0].ts
    delays = []
    for at, number, part, first in times:
        sent = next(m.at for m in p.sent if m.type == VIDEO and not is_header(m) and m.ts - begin >= first - 3)
        delays.append(at - sent)
    delays.sort()
    print(f"picture to playlist: median {delays[7]:.3f} s, most {delays[-1]:.3f} s, part target {now.target}")
    assert delays[0] > 0 and delays[7] <= 1.2 * now.target * SCALE, delays


def test_audio_alone_has_parts(t):
    """Sound alone is cut into parts too, each independent."""
    s = start(t)
    publish(t, s, video=False)
    got = ready(t, s)
    parts = [p for n in got.segments if n in got.parts for p in got.parts[n]]
    assert parts and all(p[2] for p in parts) and all(p[1] <= got.target for p in parts), parts


def test_slow_pictures_make_longer_parts(t):
    """With five pictures a second a part has two, and PART-TARGET says so."""
    s = start(t)
    publish(t, s, fps=5)
    got = ready(t, s)
    assert 0.4 <= got.target < 0.41, got.target
    assert all(p[1] <= got.target for parts in got.parts.values() for p in parts), got.text


def test_parts_and_keys_exclude_each_other(t):
    """-t refuses keys with low latency."""
    conf = HLS.format(more="hls_keys on;")
    done = t.run("-t", "-c", "x.conf", conf="listen 19099; vhost __defaultVhost__ { " + conf.replace("{{", "{") + " }")
    assert done.returncode != 0 and "hls_low_latency" in done.text, done.text


PAGE = """<!doctype html><video id="v" muted autoplay></video><script src="hls.min.js"></script><script>
window.errors = [];
window.hls = new Hls({lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5});
hls.on(Hls.Events.ERROR, (_, e) => errors.push(`${e.type} ${e.details} ${e.fatal}`));
hls.loadSource("/live/a.m3u8");
hls.attachMedia(document.getElementById("v"));
</script>"""


def hls_js(t):
    """The player's script, from the registry of npm."""
    t.need("npm")
    folder = os.path.join(TOP, "objs", "test-npm")
    script = os.path.join(folder, "package", "dist", "hls.min.js")
    if not os.path.exists(script):
        part = f"{folder}.{os.getpid()}"    # another case may do the same now
        os.makedirs(part)
        done = subprocess.run(["npm", "pack", "--silent", "hls.js@1.5.20"], cwd=part, timeout=40, capture_output=True, text=True)
        if done.returncode:
            raise Skip(f"hls.js cannot be had: {done.stderr[-200:]}")
        subprocess.run(["tar", "-xzf", done.stdout.split()[-1]], cwd=part, check=True)
        try:
            os.rename(part, folder)
        except OSError:                     # it was quicker
            shutil.rmtree(part)
    with open(script, encoding="utf-8") as f:
        return f.read()


# Where segments begin in the player's time, and a picture that is shown now.
BEGINS = "return hls.levels[0].details.fragments.filter(f => f.startPTS !== undefined).map(f => [f.sn, f.startPTS])"
SHOWN = "return (await new Promise(done => document.getElementById('v').requestVideoFrameCallback((_, frame) => done(frame)))).mediaTime"


def behind_encoder(page, s, publisher):
    """Seconds between the picture that the encoder sends and the one that is shown, by the encoder's own times: the median
    of several looks, without a word of the player's on how late it is."""
    begins = page.run(BEGINS)[-5:]
    added = [mp4.samples(hls.fetch(s.web(f"/live/a-{number}.m4s")))[1][0].dts / 90 - 1000 * at for number, at in begins]
    assert max(added) - min(added) < 100, (begins, added)
    late = []
    for _ in range(9):
        shown = page.run_async(SHOWN)
        late.append((publisher.sent[-1].ts - 1000 * shown - median(added)) / 1000)
    return median(late)


def watch(t, s, site):
    """hls.js in Chromium, on a page of that server: at most 1.5 s behind live by its own word and by the encoder's clock, and
    it goes on."""
    script = hls_js(t)
    folder = os.path.join(site.folder, "objs/nginx/html")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("player.html", PAGE), ("hls.min.js", script)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    publisher = publish(t, s, seconds=60, burst=3000)
    ready(t, site)
    page = t.browser()
    page.open(site.web("/player.html"))
    page.wait("return document.getElementById('v').currentTime > 1", 30, "a picture")
    page.wait("return hls.latency > 0 && hls.latency <= 1.5", 20, "1.5 s behind live")
    at = page.run("return document.getElementById('v').currentTime")
    page.wait(f"return document.getElementById('v').currentTime > {at + 3}", 15, "three seconds more")
    page.wait("return hls.latency <= 1.5", 10, "1.5 s behind live again")
    seen = page.run("return {latency: hls.latency, target: hls.targetLatency, errors: errors}")
    late = wait_for(lambda: [x for x in [behind_encoder(page, s, publisher)] if 0 < x <= 1.5], 10, "1.5 s behind the encoder")
    print(f"hls.js: {seen}; {late[0]:.2f} s behind the encoder")
    return page
    assert not [e for e in seen["errors"] if e.endswith("true")], seen


@case.once("How late a player is is judged, which a sanitizer build says nothing of.")
@case.alone
@case.limit(120)
def test_hls_js_is_close_to_live(t):
    """hls.js in Chromium plays parts, at most 1.5 s behind live, and goes on."""
    s = start(t)
    watch(t, s, s)


# How long no other picture was shown, at most.
STANDS_STILL = """const v = document.getElementById('v');
let last = performance.now(), longest = 0;
window.stood = () => Math.max(longest, performance.now() - last);
const next = () => { longest = stood(); last = performance.now(); v.requestVideoFrameCallback(next); };
v.requestVideoFrameCallback(next);"""


@case.once("How late a player is is judged, which a sanitizer build says nothing of.")
@case.alone
@case.limit(120)
def test_hls_js_is_close_to_live_behind_an_edge(t):
    """The same of a player that has an edge between it and the origin; when that origin dies and the edge goes on with
    another one, the picture stands still for less than a segment."""
    origins = [t.server(name, top.conf(HLS.format(more=""), top="srs_log_level info;")) for name in ("one", "two")]
    edge = start_edge(t, *origins, more="hls_ctx off; hls_low_latency on;")
    publish(t, origins[1], seconds=60, burst=3000)
    page = watch(t, origins[0], edge)
    page.run(STANDS_STILL)
    asked = [len(re.findall("HTTP GET /live/a", o.log())) for o in origins]
    origins[asked.index(max(asked))].kill9()
    at = page.run("return document.getElementById('v').currentTime")
    page.wait(f"return document.getElementById('v').currentTime > {at + 4}", 15, "four seconds behind the death")
    stood = page.run("return stood()") / 1000
    print(f"the picture stood still for {stood:.2f} s when the origin died")
    assert stood < 1, stood
