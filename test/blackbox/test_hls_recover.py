"""HLS over a restart of the server: the playlist goes on; and what time its segments are of."""
import os
import subprocess
import time

import topology as top
from support import SCALE, flv, hls, httpc
from support.case import Skip, calm
from support.probe import Beat
from support.rtmp import Message, is_header, is_keyframe
from support.server import wait_for
from test_dvr import stalling
from test_hls import BLOCK, LONG, follow, judge_ts, publish, start, url

HTML = "objs/nginx/html"


def wait_numbers(server, number):
    """The list as soon as it has that segment."""
    return wait_for(lambda: [f for f in [hls.fetch_list(url(server))] if f and f.segments and f.segments[-1].number >= number],
                    15, f"segment {number}")[0]


def kept(s, stream="a"):
    """The list that is in the file."""
    with open(os.path.join(s.folder, HTML, "live", stream + ".m3u8"), encoding="utf-8") as f:
        return hls.Playlist(f.read())


def wait_kept(s, number):
    """Files are written by helper threads, behind what players have."""
    def is_kept():
        try:
            return kept(s).segments[-1].number >= number
        except FileNotFoundError:
            return False
    wait_for(is_kept, 5, "the list in its file")


def live(s):
    """The list that the stream itself has, not the file that is served as any other before it has begun."""
    text = httpc.fetch(url(s)).content.decode()
    return hls.Playlist(text) if "DATE-TIME" in text and "#SRS-CLOCK" not in text else None


def restart(t, s, follower, kill=True):
    """Ends the server, by kill -9 or as it should be, and starts it again; another follower then judges what the list has
    become, as if nothing had been between."""
    follower.stop()
    wait_kept(s, follower.lists[-1].segments[-1].number)
    if kill:
        s.kill9()
    else:
        s.stop()
    s.start()
    after = hls.Follower(follower.url)
    for name in ("lists", "bytes", "segments", "inits"):
        setattr(after, name, getattr(follower, name))
    return t.keep(after)


@calm
def test_a_list_goes_on_after_a_restart(t):
    """After kill -9 and after a stop the list that players had is there with the stream's first message, its segments can
    be had, and numbers go on without a gap behind one discontinuity: in MPEG-TS, in MP4, and encrypted."""
    for name, more, kill in (("ts", "", True), ("stopped", "", False), ("mp4", "hls_use_fmp4 on;", True), ("keys", "hls_keys on;", True)):
        s = start(t, more=more, name=name)
        first = follow(t, s)
        publish(t, s)
        hls.wait_list(url(s), 4)
        after = restart(t, s, first, kill)
        before = kept(s)
        assert before.text.startswith(after.lists[-1].text.split("#EXT-X-ENDLIST")[0]), (before.text, after.lists[-1].text)
        publish(t, s)
        s.wait_log("goes on behind")
        assert hls.fetch_list(url(s)).text.startswith(before.text.split("#SRS")[0])
        after.bytes.clear()
        after.inits.clear()
        after.start()
        last = before.segments[-1].number
        found = wait_numbers(s, last + 3)
        after.stop()
        assert [x.number for x in found.segments] == list(range(before.segments[0].number, found.segments[-1].number + 1))
        assert [x.number for x in found.segments if x.is_break] == [last + 1], found.text
        if not more or "keys" in more:
            judge_ts(after)
        s.stop()


def test_an_end_and_a_window_over_a_restart(t):
    """What was there before a restart leaves the list as it should: counted, to be had for a while, and its files go."""
    s = start(t, window=3)
    first = follow(t, s)
    publish(t, s, t.media(20, gop=1.0))
    hls.wait_list(url(s), 3)
    p = t.publish(s.url("live/b"), t.media(4), speed=4)
    hls.wait_list(url(s, "b"), 1)
    p.stop()
    after = restart(t, s, first)
    old = after.lists[-1].segments[0]
    publish(t, s, t.media(20, gop=1.0))
    after.start()
    wait_numbers(s, old.number + 8)
    wait_for(lambda: not os.path.exists(os.path.join(s.folder, HTML, "live", old.uri)), 15, "the end of a file of before")
    after.stop()
    assert after.lists[-1].breaks_before == 1, after.lists[-1].text


def test_what_a_list_of_before_may_not_name(t):
    """A list that names files of others, is damaged, or is older than hls_dispose is not gone on with, and nothing that is
    not the stream's is removed or served; numbers are higher all the same."""
    s = start(t, window=3)
    folder = os.path.join(s.folder, HTML)
    os.makedirs(os.path.join(folder, "live"), exist_ok=True)
    names = ("../index.html", "b-7.ts", "a-8.ts", "../../../srs.conf", "/etc/passwd", "a-9.mp4")
    for name in names[:3]:
        with open(os.path.normpath(os.path.join(folder, "live", name)), "w") as f:
            f.write("x")
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:99999999999\n"
    lists = [head + "".join(f"#EXTINF:1.000,\n{name}\n" for name in names),
             head + "#EXTINF:what,\na-8.ts\n", head + "a-8.ts\n", "#EXTM3U\n", "", "\0" * 5000, head.replace("999", "9" * 30)]
    for text in lists:
        with open(os.path.join(folder, "live", "a.m3u8"), "w") as f:
            f.write(text)
        p = publish(t, s)
        found = wait_for(lambda: [f for f in [live(s)] if f and len(f.segments) >= 2], 10, "a list")[0]
        assert all(x.uri not in names for x in found.segments), found.text
        assert text is not lists[0] or found.segments[0].number > 99999999999, found.text
        p.stop()
        s.kill9()
        s.start()
    assert all(os.path.exists(os.path.join(folder, "live", name)) for name in names[:2])


def test_a_list_that_is_too_old(t):
    """After more than hls_dispose, or with another hls_fragment, a list begins anew, with higher numbers; what was there
    before can be had for a while, and goes. hls_recover off does not look."""
    for name, more, age in (("old", "", 1000), ("other", "", 0), ("off", "hls_recover off;", 0)):
        s = start(t, more=more, name=name)
        publish(t, s)
        before = hls.wait_list(url(s), 4)
        wait_kept(s, before.segments[-1].number)
        s.kill9()
        path = os.path.join(s.folder, HTML, "live", "a.m3u8")
        if age:
            os.utime(path, (time.time() - age,) * 2)
        if name == "other":
            s.write_conf(s.conf.replace("hls_fragment 1;", "hls_fragment 4;"))
        s.start()
        publish(t, s)
        found = wait_for(lambda s=s: live(s), 15, "a list")
        if name != "off":
            assert found.segments[0].number > before.segments[-1].number and found.segments[0].is_break, found.text
            assert httpc.fetch(s.web("/live/" + before.segments[-1].uri)).status == 200
        else:
            assert not any(x.is_break for x in found.segments), found.text
        s.stop()


def test_a_disk_that_stalls_delays_no_list(t):
    """While writes hang, players get each segment in its time, from memory; then the files follow."""
    hang, env = stalling(t)
    s = t.server("srs", top.conf(BLOCK.format(window=LONG, more="")), env=env)
    p = t.publish(s.url("live/a"), t.media(20, gop=1.0), speed=1)
    last = hls.wait_list(url(s), 2).segments[-1].number
    beat = t.keep(Beat())
    with open(hang, "w"):
        pass
    found = wait_numbers(s, last + 3)
    now = time.monotonic()
    keys = [m for m in list(p.sent) if is_keyframe(m) and not is_header(m)]
    end = keys[0].ts + 1000 * sum(x.duration for x in found.segments)
    closer = min(keys, key=lambda m: abs(m.ts - end))       # the key frame that ended the last segment
    assert abs(closer.ts - end) < 100, (closer.ts, end, found.text)
    seconds = now - closer.at
    hls.fetch(s.web("/live/" + found.segments[-1].uri))
    path = os.path.join(s.folder, HTML, "live", found.segments[-1].uri)
    assert seconds < 0.7 * SCALE + beat.worst_ms / 1000 and not os.path.exists(path), (seconds, beat.worst_ms)
    os.unlink(hang)
    wait_for(lambda: os.path.exists(path), 10, "the file")


@calm
def test_a_full_disk_is_told_once(t):
    """On a disk that is full players get each segment from memory, it is told once, and when there is room again files are
    written as before."""
    s = t.server("srs", top.conf(BLOCK.format(window=LONG, more="")), wait=False)
    disk = os.path.join(s.folder, HTML)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        raise Skip("a file system of its own cannot be mounted here")
    try:
        s.wait_ready()
        follower = follow(t, s)
        publish(t, s, t.media(20, gop=1.0))
        s.wait_log("cannot be written: No space left on device", 15)
        number = hls.fetch_list(url(s)).segments[-1].number
        wait_numbers(s, number + 8)
        assert s.log().count("cannot be written") == 1 and "written again" not in s.log()
        assert subprocess.run(["mount", "-o", "remount,size=20m", disk], capture_output=True).returncode == 0
        s.wait_log("files can be written again")
        last = hls.fetch_list(url(s)).segments[-1]
        wait_kept(s, last.number + 2)
        wait_for(lambda: os.path.exists(os.path.join(disk, "live", last.uri.replace(str(last.number), str(last.number + 1)))), 5, "a file")
        follower.stop()
        judge_ts(follower)
        numbers = sorted(follower.bytes)
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), numbers
        assert s.log().count("cannot be written") == 1 and s.log().count("written again") == 1
    finally:
        s.stop()
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_stream_that_comes_at_once_is_whole(t):
    """While the list of before is looked for, nothing is missed: what is published as fast as it goes is all there."""
    s = start(t)
    for _ in range(2):
        p = t.publish(s.url("live/a"), t.media(8, gop=1.0), loop=False, speed=None)
        found = wait_for(lambda: [f for f in [live(s)] if f and sum(x.duration for x in f.segments if x.number >= 0) >= 6.9], 15, "all of it")[0]
        wait_for(lambda p=p: p.finished, 10, "the end of the file")
        p.stop()
        s.stop()
        assert abs(kept(s).segments[0].duration - 1) < 0.1, found.text
        for name in os.listdir(os.path.join(s.folder, HTML, "live")):
            os.unlink(os.path.join(s.folder, HTML, "live", name))
        s.start()


def continued(media, at):
    """What an encoder that goes on sends: the headers, then from the first key frame behind that time."""
    begin = next(m.ts for m in media if m.ts >= at and is_keyframe(m) and not is_header(m))
    heads = [Message(m.type, begin, 1, m.payload) for m in media if is_header(m)]
    return heads + [m for m in media if m.ts >= begin and m.media and not is_header(m)]


@calm
def test_a_run_that_goes_on_has_its_numbers(t):
    """Two origins carry one run, and one of them is started again: since the run goes on, it has the numbers, names and
    bytes of the other again, wherever that leaves its own list."""
    origins = [start(t, name=name) for name in ("a", "b")]
    media = flv.read_file(t.media(40, gop=1.0))
    began = time.monotonic()
    for s in origins:
        t.publish(s.url("live/a"), media, loop=False, speed=1, burst=0)
    hls.wait_list(url(origins[0]), 3)
    origins[0].kill9()
    origins[0].start()
    rest = continued(media, (time.monotonic() - began) * 1000)
    t.publish(origins[0].url("live/a"), rest, loop=False, speed=1, burst=rest[0].ts)
    last = hls.wait_list(url(origins[1]), 3).segments[-1].number
    lists = [wait_numbers(s, last + 5) for s in origins]
    found = [{x.number: x for x in got.segments} for got in lists]
    both = [n for n in found[0] if n in found[1] and n > last + 2]
    assert len(both) >= 3, (lists[0].text, lists[1].text)
    for number in both:
        a, b = (f[number] for f in found)
        assert a.uri == b.uri and hls.fetch(origins[0].web("/live/" + a.uri)) == hls.fetch(origins[1].web("/live/" + b.uri)), number
    numbers = [x.number for x in lists[0].segments]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_segments_say_what_time_it_was(t):
    """Each segment has EXT-X-PROGRAM-DATE-TIME, in the list and in its file: the time of day at which its first picture
    came; they lie apart as long as the segments last. hls_program_date_time off leaves it out."""
    started = []
    for name, more in (("on", ""), ("mp4", "hls_use_fmp4 on;"), ("parts", "hls_low_latency on;")):
        s = start(t, more=more, name=name)
        started.append((name, s, time.time()))
        t.publish(s.url("live/a"), t.media(10, gop=1.0), speed=1, burst=0)
    for name, s, began in started:
        found = hls.wait_list(url(s), 4)
        dates = [x.date for x in found.segments]
        assert all(dates) and began - 0.1 <= dates[0] <= began + 1.5, (began, dates)
        for x, a, b in zip(found.segments, dates, dates[1:]):
            assert abs(b - a - x.duration) < 0.01, (x.duration, a, b)
        assert dates[0] in [x.date for x in kept(s).segments]
        if name == "parts":
            open_part = hls.fetch(url(s)).decode().split("#EXTINF")[-1]
            assert "DATE-TIME" in open_part or "PART:" not in open_part.split("\n", 2)[2], open_part
        s.stop()
    s = start(t, more="hls_program_date_time off;", name="off")
    publish(t, s)
    assert "DATE-TIME" not in hls.wait_list(url(s), 2).text
