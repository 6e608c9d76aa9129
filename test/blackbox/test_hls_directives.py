"""What each directive of HLS changes that no other case needs: ratios, clean-up, and the paths and URLs of files."""
import os
import urllib.parse

import topology as top
from support import SCALE, flv, hls, httpc, ts
from support.case import calm
from support.server import wait_for
from test_hls import BLOCK, LONG, follow, judge_mp4, judge_ts, publish, publish_untimed, start, url

HTML = "objs/nginx/html"


def durations(found):
    """Of all but the first, which may have begun later, and the last."""
    return [s.duration for s in found.segments[1:-1]]


def test_hls_td_ratio(t):
    """hls_td_ratio makes segments longer than hls_fragment by that factor, or shorter; the target duration is theirs."""
    for name, ratio, media, seconds in (("longer", 2, t.media(10, gop=1.0), 2), ("shorter", 0.5, t.media(20, gop=0.08), 0.5)):
        s = start(t, more=f"hls_td_ratio {ratio};", name=name)
        publish_untimed(t, s, flv.read_file(media))
        found = hls.wait_list(url(s), 4)
        assert all(abs(x - seconds) < 0.09 for x in durations(found)) and found.target == max(1, seconds), found.text


def test_hls_aof_ratio(t):
    """Where no key frame comes a segment ends after hls_aof_ratio times hls_fragment."""
    s = start(t, more="hls_aof_ratio 3;")
    publish_untimed(t, s, flv.read_file(t.media(20, gop=100.0)))
    found = hls.wait_list(url(s), 4)
    assert all(abs(x - 3) < 0.05 for x in durations(found)), found.text


def test_hls_wait_keyframe_off(t):
    """Without hls_wait_keyframe a segment ends at the first picture behind a multiple of hls_fragment, and nothing is lost
    between."""
    s = start(t, more="hls_wait_keyframe off;")
    follower = follow(t, s)
    publish_untimed(t, s, flv.read_file(t.media(8, gop=4.0)))
    hls.wait_list(url(s), 6)
    follower.stop()
    assert all(abs(x - 1) < 0.05 for x in durations(follower.lists[-1])), follower.lists[-1].text
    by_segment, _ = judge_ts(follower)
    pictures = [u for number in sorted(by_segment) for u in by_segment[number] if u.stream_id == 0xE0]
    assert {b.dts - a.dts for a, b in zip(pictures, pictures[1:])} == {3600}, "25 pictures a second"
    assert len([u for u in pictures if u.is_random]) < len(by_segment)


@calm
def test_hls_cleanup(t):
    """Files of segments that no player wants any more go, unless hls_cleanup is off; so do those of a stream that is
    forgotten, its playlist too."""
    servers = [start(t, more=f"hls_cleanup {how}; hls_dispose 1;", window=1, name=how, vhost="publish { reconnect_grace 1; }")
               for how in ("on", "off")]
    firsts, publishers = [], []
    for s in servers:
        publishers.append(publish(t, s, t.media(20, gop=1.0)))
        firsts.append(os.path.join(s.folder, HTML, "live", hls.wait_list(url(s)).segments[0].uri))
    wait_for(lambda: not os.path.exists(firsts[0]), 15, "the end of the file of a segment that is old")
    for s, p in zip(servers, publishers):
        p.stop()
        wait_for(lambda s=s: httpc.fetch(s.web("/live/a.m3u8")).status == 404 or s.name == "off" and "HLS of /live/a ends" in s.log(), 15,
                 "the end of the stream")
    wait_for(lambda: not os.listdir(os.path.dirname(firsts[0])), 5, "no files")
    left = os.listdir(os.path.dirname(firsts[1]))
    numbers = sorted(int(name.split("-")[1][:-3]) for name in left if name.endswith(".ts"))
    assert os.path.exists(firsts[1]) and "a.m3u8" in left and len(numbers) >= 6, left
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_hls_entry_prefix(t):
    """hls_entry_prefix stands in front of each segment in the playlist, with the playlist's folder unless it ends with a
    slash; what it names can be had here under its path."""
    for name, prefix, folder in (("plain", "http://cdn.test:81/x", "/live/"), ("slash", "http://cdn.test:81/x/", "/"),
                                 ("mp4", "http://cdn.test:81/x", "/live/")):
        s = start(t, more=f"hls_entry_prefix {prefix};" + ("hls_use_fmp4 on;" if name == "mp4" else ""), name=name)
        publish(t, s)
        found = hls.wait_list(url(s), 2)
        path = os.path.join(s.folder, HTML, "live/a.m3u8")
        wait_for(lambda path=path: os.path.exists(path), 5, "the file")
        with open(path, encoding="utf-8") as f:
            kept = hls.Playlist(f.read())
        for x in (*found.segments, *kept.segments):
            assert x.uri.startswith("http://cdn.test:81/x" + folder + "a-"), x.uri
            assert hls.fetch(s.web("/live/" + x.uri.rsplit("/", 1)[1])), x.uri
            assert not x.init or hls.fetch(urllib.parse.urljoin(url(s), x.init)), x.init


def test_hls_keys_elsewhere(t):
    """hls_key_file is where keys are, and hls_key_url what stands in front of that path in the playlist; without it the
    playlist names them as it stands to them."""
    for name, more, front in (("path", "", "../keys/"), ("url", "hls_key_url https://keys.test/k;", "https://keys.test/k/keys/"),
                              ("slash", "hls_key_url https://keys.test/;", "https://keys.test/keys/")):
        s = start(t, more="hls_keys on; hls_fragments_per_key 2; hls_key_file keys/[app]_[stream].[seq].bin;" + more, name=name)
        publish_untimed(t, s, flv.read_file(t.media(10, gop=1.0)))
        found = hls.wait_list(url(s), 5)
        numbers = {}
        for x in found.segments:
            uri, iv = x.key
            assert uri.startswith(front + "live_a."), uri
            numbers.setdefault(uri, []).append(x.number)
            key = hls.fetch(s.web("/keys/" + uri.rsplit("/", 1)[1]))
            data = hls.decrypt(hls.fetch(urllib.parse.urljoin(url(s), x.uri)), key, iv)
            assert len(key) == 16 and ts.Ts().feed(data), x.uri
            path = os.path.join(s.folder, HTML, "keys", uri.rsplit("/", 1)[1])
            wait_for(lambda path=path: os.path.exists(path), 5, "the file of the key")
        assert all(uri.endswith(f".{n[0]}.bin") and len(n) == 2 for uri, n in list(numbers.items())[:-1]), numbers


def test_files_of_mp4(t):
    """hls_fmp4_file and hls_init_file are the paths of segments and their initialization, in folders of their own too."""
    s = start(t, more="hls_use_fmp4 on; hls_fmp4_file [app]/[stream]/of-[seq].mp4; hls_init_file [vhost]/[app]/[stream].init;")
    follower = follow(t, s)
    publish(t, s)
    hls.wait_list(url(s), 4)
    follower.stop()
    judge_mp4(follower)
    for x in follower.segments.values():
        assert x.uri == f"a/of-{x.number}.mp4" and x.init.startswith("../__defaultVhost__/live/a-") and x.init.endswith(".init"), (x.uri, x.init)
        path = os.path.join(s.folder, HTML, "live", x.uri)
        wait_for(lambda path=path: os.path.exists(path), 5, "the file")
        assert os.path.exists(os.path.normpath(os.path.join(s.folder, HTML, "live", x.init)))


def test_dates_in_paths(t):
    """hls_ts_file may have pieces of the date, [duration], and with hls_ts_floor a [timestamp] that is the segment's number."""
    s = start(t, more="hls_ts_floor on; hls_ts_file [app]/[stream].[2006][01][02]/[timestamp].[duration].[seq].ts;", window=LONG)
    publish(t, s)
    for x in hls.wait_list(url(s), 4).segments:
        folder, name = x.uri.split("/")
        number, milliseconds, seq, _ = name.split(".")
        assert folder.startswith("a.20") and len(folder) == 10, x.uri
        assert int(number) == int(seq) == x.number and abs(int(milliseconds) - 1000 * x.duration) < 1, (x.uri, x.number)
        assert hls.fetch(urllib.parse.urljoin(url(s), x.uri))


def is_over(conn, seconds):
    """Whether the other end closes it within that time."""
    conn.settimeout(seconds)
    try:
        return not conn.recv(1)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_hls_nb_notify(t):
    """Of the answer to on_hls_notify hls_nb_notify bytes are read, and then no more: the connection is closed."""
    seen = []

    def answer(conn):
        conn.recv(65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 90)
        early = is_over(conn, 0.3)
        conn.sendall(b"x" * 20)
        seen.append((early, is_over(conn, 5 * SCALE)))
    cdn = t.listen(answer)
    text = BLOCK.format(window=LONG, more="hls_nb_notify 100;") + f"http_hooks {{ enabled on; on_hls_notify http://{cdn.address}/[ts_url]; }}"
    s = t.server("srs", top.conf(text))
    publish(t, s)
    wait_for(lambda: seen, 15, "an answer")
    assert seen[0] == (False, True), seen


def test_hls_dts_directly_off(t):
    """With hls_dts_directly off sound in MPEG-TS has times by its samples, which rise evenly within a segment."""
    s = start(t, more="hls_dts_directly off;")
    follower = follow(t, s)
    p = publish(t, s, mark=True)
    hls.wait_list(url(s), 4)
    follower.stop()
    by_segment, _ = judge_ts(follower)
    sent = {m.payload[2:]: m for m in p.sent}
    for units in by_segment.values():
        groups = [(u.pts, ts.adts_frames(u.data)) for u in units if u.stream_id == 0xC0]
        for (pts, frames), (after, _) in zip(groups, groups[1:]):
            assert abs(after - pts - len(frames) * 1024 * 90000 / 44100) <= len(frames), (pts, after, len(frames))
        for pts, frames in groups:
            assert abs(pts - 63000 - sent[frames[0]].ts * 90) <= 2700, (pts, sent[frames[0]])
