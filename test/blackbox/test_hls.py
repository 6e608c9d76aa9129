"""HLS: what a player gets of a published stream, and how the playlist lives."""
import glob
import os
import subprocess
import urllib.parse

import topology as top
from support import case, flv, hls, httpc, mp4, ts
from support.rtmp import AUDIO, VIDEO, Message, is_header, is_keyframe
from support.server import wait_for

BLOCK = "hls {{ enabled on; hls_ctx off; hls_path ./objs/nginx/html; hls_fragment 1; hls_window {window}; {more} }}"
# Enough of the window that nothing leaves the list during a case.
LONG = 60


def start(t, more="", window=LONG, name="srs", vhost=""):
    return t.server(name, top.conf(BLOCK.format(window=window, more=more) + vhost))


def url(server, stream="a"):
    return server.web(f"/live/{stream}.m3u8")


def publish(t, server, media=None, stream="a", **kw):
    return t.publish(server.url(f"live/{stream}"), media or t.media(10, gop=1.0), speed=4, burst=1000, **kw)


def follow(t, server, stream="a"):
    follower = t.keep(hls.Follower(url(server, stream)))
    follower.start()
    return follower


def nal_units(payload):
    """The units of an H.264 message of ours, without delimiters."""
    data, out = payload[5:], []
    while data:
        size = int.from_bytes(data[:4], "big")
        out.append(bytes(data[4:4 + size]))
        data = data[4 + size:]
    return [n for n in out if n[0] & 31 != 9]


def judge_ts(follower, discontinuities=True):
    """All PES packets of what was fetched, by segment; the validator has seen them."""
    reader, out = ts.Ts(), {}
    for number in sorted(follower.bytes):
        if follower.segments[number].is_break:
            reader.new()
        out[number] = reader.feed(follower.bytes[number])
    assert reader.gap <= 9000, f"no clock for {reader.gap / 90:g} ms"
    return out, reader


def sent_after(publisher, kind, ms):
    return [m for m in publisher.sent if m.type == kind and not is_header(m) and m.ts >= ms]


def assert_same_frames(units, publisher, first_ms, start_ts=0):
    """Pictures and sound of all units are what was published from first_ms on, bit for bit, and at the
    times that were sent (which all are 700 ms later)."""
    pictures = [u for u in units if u.stream_id == 0xE0]
    want = sent_after(publisher, VIDEO, first_ms)
    for got, m in zip(pictures, want):
        cts = int.from_bytes(m.payload[2:5], "big", signed=True)
        found = [n for n in ts.nals(got.data) if n[0] & 31 not in (7, 8, 9)]
        assert found == [n.rstrip(b"\0") for n in nal_units(m.payload) if n[0] & 31 not in (7, 8)], m
        assert got.dts == (m.ts * 90 + 63000) % ts.WRAP and got.pts == ((m.ts + cts) * 90 + 63000) % ts.WRAP, m
    assert len(pictures) >= 20 or not want, f"{len(pictures)} pictures"
    sound = [(u.pts, frame, i) for u in units if u.stream_id == 0xC0 for i, frame in enumerate(ts.adts_frames(u.data))]
    want = {m.payload[2:]: m for m in publisher.sent if m.type == AUDIO and not is_header(m)}
    for pts, frame, i in sound:
        m = want[frame]
        assert i > 0 or pts == (m.ts * 90 + 63000) % ts.WRAP, (pts, m)
    order = [want[frame].ts for _, frame, _ in sound]
    assert order == sorted(order)
    return len(pictures), len(sound)


def all_units(by_segment):
    return [u for number in sorted(by_segment) for u in by_segment[number]]


def b_frames(t):
    """Ten seconds with B-frames."""
    path = os.path.join(flv.MEDIA, "b-frames-10s.flv")
    if not os.path.exists(path):
        t.media(10)
        part = f"{path}.{os.getpid()}.part"
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi",
                        "-i", "sine", "-t", "10", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
                        "-sc_threshold", "0", "-b:v", "300k", "-c:a", "aac", "-f", "flv", part], check=True)
        os.rename(part, path)
    return path


def test_segments_are_the_stream_bit_for_bit(t):
    """A stream with B-frames comes out of its segments as it was published: each picture and each frame of
    sound with its bytes and its time; tables, counters and clock are sound over all segments."""
    s = start(t)
    follower = follow(t, s)
    p = publish(t, s, b_frames(t), mark=True)
    hls.wait_list(url(s), 8)
    follower.stop()
    by_segment, reader = judge_ts(follower)
    assert sorted(reader.types.values()) == [0x0F, 0x1B], reader.types
    pictures, sound = assert_same_frames(all_units(by_segment), p, 0)
    assert pictures >= 150 and sound >= 200, (pictures, sound)
    for number, units in by_segment.items():
        first = next(u for u in units if u.stream_id == 0xE0)
        assert first.is_random and [n[0] & 31 for n in ts.nals(first.data)][:3] == [9, 7, 8], number
    numbers = sorted(by_segment)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(abs(s.duration - 1) < 0.001 for s in follower.segments.values())


def test_ffmpeg_plays_segments_and_files(t):
    """ffmpeg plays the playlist without an error, from the server and from the files that it leaves."""
    s = start(t)
    publish(t, s, b_frames(t))
    hls.wait_list(url(s), 6)
    for source in (url(s), os.path.join(s.folder, "objs/nginx/html/live/a.m3u8")):
        wait_for(lambda: source.startswith("http") or os.path.exists(source), 5, "the file")
        out = t.path("played.ts")
        done = subprocess.run(["ffmpeg", "-v", "error", "-y", "-live_start_index", "0", "-t", "4", "-i", source, "-c", "copy", out],
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
        assert done.returncode == 0 and not done.stderr, done.stderr.decode()
        probe = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries",
                                "stream=codec_name,nb_read_frames", "-of", "csv=p=0", out], capture_output=True)
        kinds = dict(line.split(",") for line in probe.stdout.decode().split() if line.count(",") == 1)
        assert int(kinds["h264"]) >= 90 and int(kinds["aac"]) >= 150 and not probe.stderr, (kinds, probe.stderr)


def test_the_list_is_a_window(t):
    """Old segments leave the list but can be had for a while; the list has three target durations at least."""
    s = start(t, window=3)
    follower = follow(t, s)
    publish(t, s)
    hls.wait_list(url(s), 3)
    wait_for(lambda: len(follower.bytes) >= 8, 15, "segments")
    follower.stop()
    last = follower.lists[-1]
    assert 3 <= len(last.segments) <= 4, last.text
    gone = follower.segments[last.segments[0].number - 1]
    assert httpc.fetch(urllib.parse.urljoin(url(s), gone.uri)).status == 200


def test_answers_have_types_and_may_be_kept(t):
    """Playlists are not to be kept, segments are; ranges and HEAD work; other methods are refused."""
    s = start(t)
    publish(t, s)
    found = hls.wait_list(url(s), 2)
    r = httpc.fetch(url(s), headers={"Origin": "http://a.test"})
    assert r.headers["cache-control"] == "no-cache" and r.headers["access-control-allow-origin"] == "*", r.headers
    segment = urllib.parse.urljoin(url(s), found.segments[0].uri)
    r = httpc.fetch(segment)
    assert r.headers["content-type"] == "video/MP2T" and "max-age=3600" in r.headers["cache-control"], r.headers
    whole = r.content
    r = httpc.fetch(segment, "HEAD")
    assert r.status == 200 and not r.content and int(r.headers["content-length"]) == len(whole)
    r = httpc.fetch(segment, headers={"Range": "bytes=188-375"})
    assert r.status == 206 and r.content == whole[188:376], r.headers
    assert httpc.fetch(segment, headers={"Range": f"bytes={len(whole)}-"}).status == 416
    assert httpc.fetch(url(s), "POST", body=b"x").status == 405
    assert httpc.fetch(s.web("/live/b.m3u8")).status == 404


def test_a_stream_ends(t):
    """The list of a stream that is over says so, and everything goes after hls_dispose, files too."""
    s = start(t, more="hls_dispose 1;", vhost="publish { reconnect_grace 1; }")
    p = publish(t, s)
    hls.wait_list(url(s), 3)
    p.stop()
    found = hls.wait_list(url(s), 3, ended=True)
    assert found.is_ended
    wait_for(lambda: httpc.fetch(url(s)).status == 404, 10, "the end of it")
    folder = os.path.join(s.folder, "objs/nginx/html/live")
    wait_for(lambda: not os.listdir(folder), 5, "files to go")


def test_a_publisher_that_returns_goes_on(t):
    """An encoder that comes back, with times from 0 again, goes on in the same list behind a discontinuity."""
    s = start(t)
    follower = follow(t, s)
    p = publish(t, s)
    hls.wait_list(url(s), 2)
    p.stop()
    before = hls.fetch_list(url(s))
    publish(t, s)
    found = hls.wait_list(url(s), len(before.segments) + 4)
    follower.stop()
    numbers = [x.number for x in found.segments]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert sum(x.is_break for x in found.segments) == 1, found.text
    judge_ts(follower)


def test_times_from_four_billion(t):
    """Times that start near the end of 32 bits, and wrap, are in the segments as they are."""
    begin = (1 << 32) - 3000
    s = start(t)
    follower = follow(t, s)
    p = publish(t, s, b_frames(t), start_ts=begin, mark=True)
    hls.wait_list(url(s), 7)
    follower.stop()
    by_segment, _ = judge_ts(follower)
    assert not any(x.is_break for x in follower.segments.values())
    assert_same_frames(all_units(by_segment), p, begin)


def test_times_that_jump(t):
    """A jump of the encoder's times is a discontinuity; both sides keep their distances."""
    media = [m for m in flv.read_file(t.media(10))]
    jumped = [m if m.ts < 4000 else Message(m.type, m.ts + 3600_000, 1, m.payload) for m in media if m.ts < 9000]
    s = start(t)
    follower = follow(t, s)
    t.keep(publish_untimed(t, s, jumped))
    hls.wait_list(url(s), 6)
    follower.stop()
    assert sum(x.is_break for x in follower.segments.values()) == 1, follower.lists[-1].text
    judge_ts(follower)


def publish_untimed(t, server, messages, stream="a"):
    """As fast as the server takes it."""
    return t.publish(server.url(f"live/{stream}"), messages, loop=False, speed=None)


def test_sound_alone_and_pictures_alone(t):
    """A stream without pictures is cut by time, one without sound at its key frames."""
    s = start(t)
    for stream, media, kinds in (("sound", t.media(10, video=False), [0x0F]), ("picture", t.media(10, audio=False), [0x1B])):
        follower = follow(t, s, stream)
        p = publish(t, s, media, stream, mark=True)
        hls.wait_list(url(s, stream), 5)
        follower.stop()
        by_segment, reader = judge_ts(follower)
        assert list(reader.types.values()) == kinds, reader.types
        assert_same_frames(all_units(by_segment), p, 0)
        assert all(0.9 < x.duration < 1.1 for x in follower.segments.values()), follower.lists[-1].text


def test_other_pictures_begin_a_segment(t):
    """Another size in the middle of a stream is a discontinuity, and a player sees both."""
    one, two = flv.read_file(t.media(4)), flv.read_file(t.media(4, size="160x90"))
    media = one + [Message(m.type, m.ts + 4000, 1, m.payload) for m in two if m.media]
    s = start(t)
    follower = follow(t, s)
    publish_untimed(t, s, media)
    hls.wait_list(url(s), 7)
    follower.stop()
    assert sum(x.is_break for x in follower.segments.values()) == 1, follower.lists[-1].text
    by_segment, _ = judge_ts(follower)
    sps = [n for u in all_units(by_segment) if u.stream_id == 0xE0 for n in ts.nals(u.data) if n[0] & 31 == 7]
    assert len(set(sps)) == 2


def test_no_key_frames(t):
    """A stream whose key frames do not come is cut all the same, and the log says so once."""
    media = flv.read_file(t.media(20, gop=100.0))
    s = start(t)
    follower = follow(t, s)
    publish_untimed(t, s, media)
    found = hls.wait_list(url(s), 4)
    follower.stop()
    judge_ts(follower)
    assert all(2 < x.duration < 2.3 for x in found.segments), found.text
    assert s.log().count("has too few key frames") == 1


def test_keys(t):
    """Each segment can be decrypted by what the list of that moment says; keys change, and their files go."""
    s = start(t, more="hls_keys on; hls_fragments_per_key 2;", window=3)
    follower = follow(t, s)
    t.publish(s.url("live/a"), t.media(10, gop=1.0), speed=2, burst=1000, mark=True)     # each is there for seconds
    wait_for(lambda: len(follower.bytes) >= 9, 20, "segments")
    follower.stop()
    judge_ts(follower)
    assert len({x.key for x in follower.segments.values()}) >= 4
    first = urllib.parse.urljoin(url(s), min(follower.segments.items())[1].key[0])
    wait_for(lambda: httpc.fetch(first).status == 404, 10, "the end of the first key")
    name = os.path.basename(urllib.parse.urlsplit(first).path)
    wait_for(lambda: not glob.glob(f"{s.folder}/objs/**/{name}", recursive=True), 10, "the end of the first key's file")
    assert glob.glob(f"{s.folder}/objs/**/*.key", recursive=True), "no key has a file"
    assert httpc.fetch(urllib.parse.urljoin(url(s), follower.lists[-1].segments[-1].key[0])).headers["cache-control"] == "no-store"


def test_two_origins_make_the_same_segments(t):
    """Two origins that carry one run of an encoder make the same numbers, names and bytes."""
    media = flv.read_file(b_frames(t))
    servers = [start(t, name=name) for name in ("one", "two")]
    followers = [follow(t, s) for s in servers]
    for s in servers:
        t.publish(s.url("live/a"), media, speed=4, burst=1000, start_ts=123456)
    for s in servers:
        hls.wait_list(url(s), 6)
    for f in followers:
        f.stop()
    common = set(followers[0].bytes) & set(followers[1].bytes)
    assert len(common) >= 5, [sorted(f.bytes) for f in followers]
    for number in common:
        assert followers[0].segments[number].uri == followers[1].segments[number].uri
        assert followers[0].bytes[number] == followers[1].bytes[number], number


def judge_mp4(follower):
    """The samples of each segment by track id; times follow one another within a millisecond."""
    out, ends, kinds = {}, {}, {}
    for number in sorted(follower.bytes):
        segment = follower.segments[number]
        known = mp4.tracks(follower.inits[segment.init])
        if segment.is_break:
            ends = {}
        out[number] = mp4.samples(follower.bytes[number])
        for track, found in out[number].items():
            kinds[track] = known[track]
            end = ends.get(track, found[0].dts)
            assert abs(found[0].dts - end) * 1000 <= 2 * known[track].timescale, (number, track, found[0].dts, end)
            ends[track] = found[-1].dts + found[-1].duration
            assert all(s.duration > 0 for s in found), number
    return out, kinds


def test_fragmented_mp4(t):
    """Segments in MP4 have the same bytes and times, and audio that is counted by samples."""
    s = start(t, more="hls_use_fmp4 on;")
    follower = follow(t, s)
    p = publish(t, s, b_frames(t), mark=True)
    hls.wait_list(url(s), 8)
    follower.stop()
    segments, kinds = judge_mp4(follower)
    assert [k.entry for _, k in sorted(kinds.items())] == ["avc1", "mp4a"] and kinds[1].size == (320, 180)
    pictures = [x for n in sorted(segments) for x in segments[n][1]]
    for got, m in zip(pictures, sent_after(p, VIDEO, 0)):
        assert got.dts == m.ts * 90 and got.cts == int.from_bytes(m.payload[2:5], "big", signed=True) * 90
        assert got.data == b"".join(len(n).to_bytes(4, "big") + n for n in nal_units(m.payload))
        assert got.is_key == is_keyframe(m)
    for number, found in segments.items():
        assert found[1][0].is_key and {x.duration for x in found[2]} == {1024}, number
    sound = [x.data for n in sorted(segments) for x in segments[n][2]]
    want = [bytes(m.payload[2:]) for m in sent_after(p, AUDIO, 0)]
    first = want.index(sound[0])
    assert sound == want[first:first + len(sound)]
    assert len(set(x.init for x in follower.segments.values())) == 1
    assert "#EXT-X-VERSION:7" in follower.lists[-1].text


CODECS = {
    "hevc": (["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=2", "-tag:v", "hvc1"], ["-c:a", "aac"]),
    "av1": (["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-b:v", "200k"], ["-c:a", "libopus"]),
    "vp9": (["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "200k"], ["-c:a", "flac"]),
    "ac3": (["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"], ["-c:a", "ac3"]),
}


def encoded(name):
    """Six seconds by Enhanced RTMP, with ffmpeg's encoder of that name."""
    video, audio = CODECS[name]
    try:
        return mp4.encode(os.path.join(flv.MEDIA, f"codec-{name}.mp4"), 6, video, audio)
    except RuntimeError as e:
        raise case.Skip(f"ffmpeg cannot make {name}: {e}") from None


def decoded_by_ffmpeg(address, out, seconds=3):
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", "-live_start_index", "0", "-t", str(seconds), "-i", address, "-f", "null", "-"],
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=40)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    probe = subprocess.run(["ffprobe", "-v", "error", "-live_start_index", "0", "-show_entries", "stream=codec_name,width",
                            "-of", "csv=p=0", address], capture_output=True, timeout=40)
    return probe.stdout.decode()


@case.limit(90)
def test_other_codecs(t):
    """HEVC, AV1, VP9, Opus and FLAC that were published by Enhanced RTMP play from segments in MP4, HEVC in
    MPEG-TS too."""
    for more, names in (("hls_use_fmp4 on;", ("hevc",)), ("", ("hevc", "av1", "vp9"))):
        s = start(t, more=more, name="srs" + str(len(more)))
        for name in names:
            media = encoded(name)
            t.publish(s.url("live/" + name), media, loop=False, speed=None)
            found = hls.wait_list(url(s, name), 4)
            said = decoded_by_ffmpeg(url(s, name), t.path("out"))
            assert name in said and "320" in said, said
            assert {"av1": "opus", "vp9": "flac"}.get(name, "aac") in said, said
            assert bool(found.segments[0].init) == (bool(more) or name != "hevc"), found.text


def test_mp3(t):
    """MP3 is a stream of its own kind in MPEG-TS."""
    path = os.path.join(flv.MEDIA, "mp3.flv")
    t.media(4)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i",
                    "sine=sample_rate=44100", "-t", "5", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a",
                    "libmp3lame", "-f", "flv", path], check=True)
    s = start(t)
    publish_untimed(t, s, flv.read_file(path))
    hls.wait_list(url(s), 3)
    said = decoded_by_ffmpeg(url(s), t.path("out"))
    assert "mp3" in said and "h264" in said, said


def test_from_memory_alone(t):
    """With hls_storage ram there are no files, and with a folder that cannot be written the stream goes on."""
    for name, more in (("ram", "hls_storage ram;"), ("bad", "hls_path ./objs/nginx/html/file;")):
        conf = top.conf(f"hls {{ enabled on; hls_ctx off; hls_fragment 1; {more} }}")
        s = t.server(name, conf)
        folder = os.path.join(s.folder, "objs/nginx/html")
        if name == "bad":
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, "file"), "w"):
                pass
        publish(t, s)
        hls.wait_list(url(s), 3)
        assert not os.path.exists(os.path.join(folder, "live"))
        if name == "bad":
            assert s.log().count("cannot be written") == 1
            s.stop(check=False)


def test_an_edge_refuses_to_cut(t):
    """HLS of an edge is refused at start with a sentence that says where to cut."""
    conf = top.edge("127.0.0.1:1", more="} hls { enabled on; ")
    for i, name in enumerate(("$rtmp", "$api", "$http", "$name")):
        conf = conf.replace(name, str(19001 + i))
    done = t.run("-t", "-c", "x.conf", conf=conf)
    assert done.returncode != 0 and "hls" in done.text and "origin" in done.text, done.text
