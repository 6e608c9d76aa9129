"""Recordings: what is in them, when they begin and end, and what a crash leaves."""
import glob
import os
import re
import subprocess
import time

import topology as top
from support import SCALE, amf, flv, hookserver, mp4, unpack
from support.case import Skip, calm
from support.rtmp import AUDIO, DATA, VIDEO, Message, is_header, is_keyframe
from support.server import BIN, wait_for
from test_hls import b_frames, encoded, nal_units


def start(t, path="[app]/[stream].flv", more="", name="srs", **kw):
    return t.server(name, top.conf(f"publish {{ reconnect_grace 1; }} dvr {{ enabled on; dvr_path ./rec/{path}; {more} }}"), **kw)


def recordings(server, pattern="**/*"):
    return sorted(p for p in glob.glob(os.path.join(server.folder, "rec", pattern), recursive=True) if os.path.isfile(p))


def size_of(server):
    """Of all recordings in bytes. One that is given its name at this moment counts the next time."""
    size = 0
    for path in recordings(server):
        try:
            size += os.path.getsize(path)
        except FileNotFoundError:
            pass
    return size


def finished(server, count=1, pattern="**/*"):
    return wait_for(lambda: [f for f in [recordings(server, pattern)] if len(f) >= count and not any(p.endswith(".tmp") for p in f)],
                    10, "the recording")[0]


def ffprobe(path):
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames:format=duration",
                           "-of", "default=nk=1:nw=1", path], capture_output=True, timeout=30)
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode().split()


def publish(t, server, media, **kw):
    kw.setdefault("speed", None)
    return t.publish(server.url("live/a"), media, loop=False, **kw)


def end(server, publisher, seconds=10):
    wait_for(lambda: publisher.finished, seconds, "the end of the file")
    publisher.stop()
    server.wait_ended("a", 10)


def sent(publisher):
    return [m for m in publisher.sent if m.media and not is_header(m)]


def test_flv_is_what_was_published(t):
    """A recording in FLV has every message with its bytes and distances, from 0 on, and knows its duration
    and its key frames."""
    s = start(t)
    p = publish(t, s, b_frames(t))
    end(s, p)
    [path] = finished(s)
    assert path.endswith("/rec/live/a.flv")
    got = flv.read_file(path)
    n = flv.assert_same(p.sent, got, least=200)
    assert n == len(sent(p)), (n, len(sent(p)))
    first = next(m for m in got if m.media and not is_header(m))
    assert first.ts <= 100
    name, meta = amf.decode(got[0].payload)
    assert got[0].type == DATA and name == "onMetaData" and abs(meta["duration"] - 10) < 0.2, meta
    assert meta["filesize"] == os.path.getsize(path) and meta["width"] == 320 and meta["hasVideo"] and meta["hasAudio"]
    with open(path, "rb") as f:
        data = f.read()
    keys = [m.ts for m in got if is_keyframe(m) and not is_header(m)]
    assert [round(x * 1000) for x in meta["keyframes"]["times"]] == keys and len(keys) == 10
    for position, ms in zip(meta["keyframes"]["filepositions"], keys):
        at = int(position)
        assert data[at] == VIDEO and int.from_bytes(data[at + 4:at + 7], "big") == ms
    assert {"h264", "aac"} < set(ffprobe(path))


def test_mp4_is_what_was_published(t):
    """A recording in MP4 has every picture and every frame of sound, bit for bit, from 0 on."""
    s = start(t, "[app]/[stream].mp4")
    p = publish(t, s, b_frames(t))
    end(s, p)
    [path] = finished(s)
    with open(path, "rb") as f:
        data = f.read()
    known, found = mp4.tracks(data), mp4.samples(data)
    assert [known[i].entry for i in (1, 2)] == ["avc1", "mp4a"]
    pictures = [m for m in sent(p) if m.type == VIDEO]
    sound = [m for m in sent(p) if m.type == AUDIO]
    assert [x.data for x in found[1]] == [b"".join(len(n).to_bytes(4, "big") + n for n in nal_units(m.payload)) for m in pictures]
    assert [x.dts for x in found[1]] == [(m.ts - pictures[0].ts) * 90 for m in pictures]
    heard = [bytes(m.payload[2:]) for m in sound]
    at = heard.index(found[2][0].data)
    assert [x.data for x in found[2]] == heard[at:]
    for x, m in zip(found[2], sound[at:]):
        assert abs(x.dts / known[2].timescale - (m.ts - pictures[0].ts) / 1000) < 0.03
    said = ffprobe(path)
    assert said[:2] == ["h264", "250"] and said[2] == "aac" and abs(float(said[4]) - 10) < 0.3, said


def test_segments(t):
    """With the plan of segments a file ends at the first key frame behind its duration; nothing is lost between."""
    s = start(t, "[stream].[timestamp].flv", "dvr_plan segment; dvr_duration 2;")
    p = publish(t, s, t.media(10, gop=1.0), speed=8)
    end(s, p)
    files = finished(s, 5)
    everything = []
    for path in files:
        got = [m for m in flv.read_file(path) if m.media]
        coded = [m for m in got if not is_header(m)]
        assert is_keyframe(coded[0]) and {m.type for m in got if is_header(m)} == {AUDIO, VIDEO}
        everything += [(m.type, bytes(m.payload)) for m in coded]
    assert everything == [(m.type, bytes(m.payload)) for m in sent(p)][-len(everything):]
    assert len(everything) >= len(sent(p)) - 3


def pictures_of(path):
    """Each picture of a recording as it was published, with whether it is a key frame, and the times of all."""
    if path.endswith(".flv"):
        got = [m for m in flv.read_file(path) if m.type == VIDEO and not is_header(m)]
        return [(unpack.of_message(m).data, is_keyframe(m)) for m in got], [m.ts for m in got]
    with open(path, "rb") as f:
        got = mp4.samples(f.read())[1]
    return [(x.data, x.is_key) for x in got], [x.dts / 90 for x in got]


def in_segments(t, media, more, count, each):
    """Records media in both formats with the plan of segments, so many files in which all pictures have to be, and looks at
    each file."""
    servers = [start(t, f"[stream].[timestamp].{ending}", "dvr_plan segment;" + more, name=ending) for ending in ("flv", "mp4")]
    publishers = [publish(t, s, media, speed=8) for s in servers]
    for s, p in zip(servers, publishers):
        end(s, p)
        ending = s.name
        found = [pictures_of(path) for path in finished(s, count)]
        want = [(unpack.of_message(m, "raw" if ending == "flv" else "mp4").data, is_keyframe(m)) for m in sent(p) if m.type == VIDEO]
        assert [x for pictures, _ in found for x in pictures] == want, (ending, [len(pictures) for pictures, _ in found], len(want))
        for n, (pictures, times) in enumerate(found):
            assert times[0] <= 50, (ending, n, times[0])
            each(n, pictures, times[-1])


def test_segments_of_hevc(t):
    """Recordings of HEVC in segments end at its key frames, and no picture is lost between."""
    def each(n, pictures, ms):
        assert pictures[0][1] and 1900 <= ms < 2000, (n, pictures[0][1], ms)
    in_segments(t, encoded("hevc"), "dvr_duration 2;", 3, each)


def test_segments_without_waiting(t):
    """With dvr_wait_keyframe off a recording ends at any picture, and the next one begins with it: none is lost."""
    def each(n, pictures, ms):
        assert pictures[0][1] == (n % 4 == 0) and 900 <= ms < 1000, (n, pictures[0][1], ms)
    in_segments(t, t.media(8, gop=4.0), "dvr_duration 1; dvr_wait_keyframe off;", 8, each)


def test_only_what_applies(t):
    """dvr_apply names the streams that are recorded."""
    s = start(t, more="dvr_apply live/b;")
    for stream in ("a", "b"):
        p = t.publish(s.url("live/" + stream), t.media(4), loop=False, speed=None)
        wait_for(lambda: p.finished, 10, "the end of the file")
        p.stop()
    assert [os.path.basename(p) for p in finished(s)] == ["b.flv"]


def test_a_name_that_is_taken(t):
    """Another recording of the same name gets a number; neither is lost."""
    s = start(t)
    for count in (1, 2):
        end(s, publish(t, s, t.media(4)))
        finished(s, count)
    assert [os.path.basename(p) for p in finished(s, 2)] == ["a-1.flv", "a.flv"]


def test_other_pictures_are_another_mp4(t):
    """Where the decoder changes an MP4 ends and the next one begins; an FLV goes on."""
    one, two = flv.read_file(t.media(4)), flv.read_file(t.media(4, size="160x90"))
    media = one + [Message(m.type, m.ts + 4000, 1, m.payload) for m in two if m.media]
    for ending, count in (("mp4", 2), ("flv", 1)):
        s = start(t, f"[stream].{ending}", name=ending)
        end(s, publish(t, s, media))
        files = finished(s, count)
        assert len(files) == count, files
        assert sum(int(ffprobe(f)[1]) for f in files if ending == "mp4") in (0, 200)


def test_other_codecs_in_mp4(t):
    """HEVC and AV1 with Opus are recorded in MP4 and play."""
    for name, kinds in (("hevc", {"hevc", "aac"}), ("av1", {"av1", "opus"})):
        s = start(t, "[stream].mp4", name=name)
        end(s, publish(t, s, encoded(name)))
        assert kinds < set(ffprobe(finished(s)[0]))


def test_a_crash_loses_the_last_second(t):
    """What was recorded until kill -9 plays as it is, and has its name after the next start."""
    for ending in ("flv", "mp4"):
        s = start(t, f"[stream].{ending}", name=ending)
        publish(t, s, t.media(10, gop=1.0), speed=2)
        wait_for(lambda: size_of(s) > 150000, 10, "some of the recording")
        s.kill9()
        [left] = recordings(s)
        assert left.endswith(".tmp")
        with open(left, "ab") as f:
            f.write(b"\0\0\0\x09half of something")
        s.start()
        [path] = finished(s)
        assert path == os.path.join(s.folder, "rec", "a." + ending)
        said = ffprobe(path)
        assert int(said[said.index("h264") + 1]) >= 50, said
        if ending == "flv":
            name, meta = amf.decode(flv.read_file(path)[0].payload)
            assert meta["duration"] >= 2 and meta["keyframes"]["times"] and meta["filesize"] == os.path.getsize(path)


def test_a_disk_that_cannot_be_written(t):
    """A folder that cannot be written costs the recording alone: the stream goes on, and it is told once."""
    s = start(t, "file/[stream].flv")
    os.makedirs(os.path.join(s.folder, "rec"), exist_ok=True)
    with open(os.path.join(s.folder, "rec", "file"), "w"):
        pass
    publish(t, s, t.media(10), speed=4)
    probe = t.probe(s.url("live/a"))
    s.wait_log("cannot be written")
    probe.wait_frames(20)
    assert s.log().count("cannot be written") <= 2 and s.is_live("a")


FILE_HEAD = ["server_id", "service_id", "action", "client_id", "ip", "vhost", "app", "tcUrl", "stream", "param"]
FILE_TAIL = ["stream_url", "stream_id"]
FILE_MEMBERS = {"on_dvr": FILE_HEAD + ["cwd", "file"] + FILE_TAIL,
                "on_hls": FILE_HEAD + ["duration", "cwd", "file", "url", "m3u8", "m3u8_url", "seq_no"] + FILE_TAIL}


def told_of_files(t, more="", count=3):
    """A stream that is cut and recorded, and ends: what was told of its publisher, of its recording and of its segments."""
    h = t.keep(hookserver.HookServer())
    s = t.server("srs", top.conf(f"publish {{ reconnect_grace 1; }} dvr {{ enabled on; dvr_path ./rec/[stream].flv; }}"
                                 f"hls {{ enabled on; hls_fragment 1; }} http_hooks {{ enabled on; notice_timeout 30; {more} on_publish {h.url('/publish')}; "
                                 f"on_dvr {h.url('/dvr')}; on_hls {h.url('/hls')}; on_hls_notify {h.url('/warm')}/[stream]/[ts_url][param]; }}"))
    p = t.publish(s.url("live/a?k=v"), t.media(4, gop=1.0), loop=False, speed=None)
    end(s, p)
    recorded = wait_for(lambda: h.of("on_dvr"), 10, "on_dvr")
    segments = wait_for(lambda: [f for f in [h.of("on_hls")] if len(f) > count], 10, "on_hls")[0]
    return s, h, h.of("on_publish")[0], recorded, sorted(segments, key=lambda x: int(x["seq_no"]))


def test_a_service_is_told(t):
    """on_dvr is told of each finished recording, and on_hls of each segment, the last one too, with SRS's members in SRS's
    order: who publishes, and files that are there."""
    s, h, publisher, recorded, segments = told_of_files(t)
    assert len(recorded) == 1 and recorded[0]["file"] == "./rec/a.flv" and publisher["param"] == "?k=v", recorded
    for x in recorded + segments:
        assert [k for k in x if k[0] != "_"] == FILE_MEMBERS[x["action"]], x
        for k in ("server_id", "service_id", "client_id", "ip", "vhost", "app", "tcUrl", "stream", "param", *FILE_TAIL):
            assert x[k] == publisher[k], (k, x, publisher)
        assert x["_headers"]["Content-Type"] == "application/json" and b'": ' not in x["_raw"] and b', "' not in x["_raw"]
        assert x["cwd"] == os.path.realpath(s.folder) and os.path.exists(os.path.join(x["cwd"], x["file"])), x
    first = segments[0]["seq_no"]
    for n, x in enumerate(segments, first):
        assert x["seq_no"] == n and x["url"] == f"live/a-{n}.ts" and x["file"] == f"./objs/nginx/html/{x['url']}", x
        assert (x["m3u8"], x["m3u8_url"]) == ("./objs/nginx/html/live/a.m3u8", "live/a.m3u8"), x
        assert 0 < x["duration"] < 1.2 and x["duration"] == round(x["duration"], 2), x
    urls = {f"/warm/a/{x['url']}?k=v" for x in segments}
    wait_for(lambda: len(set(h.fetched)) >= len(urls), 10, "a URL for each segment")
    assert set(h.fetched) == urls, h.fetched


def test_a_service_is_told_of_files_as_a_form(t):
    """`format form` writes the same members of a recording and of a segment as the fields of a form."""
    _, _, publisher, recorded, segments = told_of_files(t, "format form;")
    for x in recorded + segments:
        assert x["_headers"]["Content-Type"] == "application/x-www-form-urlencoded"
        assert [k for k in x if k[0] != "_"] == FILE_MEMBERS[x["action"]], x
        assert x["client_id"] == publisher["client_id"] and x["param"] == "?k=v", x
    first = int(segments[0]["seq_no"])
    assert [int(x["seq_no"]) for x in segments] == list(range(first, first + len(segments))), segments
    assert all(re.fullmatch(r"[01]\.\d\d", x["duration"]) for x in segments), segments


def test_begun_and_ended_by_hand(t):
    """The API begins and ends a recording, and lists what is being recorded and the files, newest first."""
    s = start(t, "[app]/[stream].[timestamp].flv", "dvr_apply none;")
    t.publish(s.url("live/a"), t.media(20, gop=1.0))
    s.wait_live("a")
    assert s.json("/api/v1/recordings")["recording"] == [] and recordings(s) == []
    assert s.json("/api/v1/recordings?app=live&stream=b", "POST")["code"] == 2048
    for _ in range(2):
        assert s.json("/api/v1/recordings?app=live&stream=a", "POST")["code"] == 0
        [now] = wait_for(lambda: [r for r in s.json("/api/v1/recordings")["recording"] if r["duration_ms"] >= 1000], 10, "a recording that grows")
        assert (now["app"], now["stream"], now["lost"]) == ("live", "a", 0) and now["bytes"] > 40000, now
        before = len(s.json("/api/v1/recordings")["files"])
        assert s.json("/api/v1/recordings?app=live&stream=a", "DELETE")["code"] == 0
        files = wait_for(lambda: [f for f in [s.json("/api/v1/recordings")["files"]] if len(f) > before], 5, "the file")[0]
        assert files[0]["file"] == now["file"] and files[0]["bytes"] > 20000, files
        said = ffprobe(os.path.join(s.folder, now["file"]))
        assert int(said[said.index("h264") + 1]) >= 10, said
        assert s.json("/api/v1/recordings")["recording"] == []
    assert s.is_live("a")
    off = t.server("off", top.local())
    t.publish(off.url("live/a"), t.media())
    off.wait_live("a")
    assert off.json("/api/v1/recordings?app=live&stream=a", "POST")["code"] == 1061


def test_old_recordings_are_removed(t):
    """Recordings that are older than dvr_max_age or more than dvr_max_size go, the oldest first; other files stay."""
    s = start(t, "[app]/[stream].[timestamp].flv", "dvr_max_age 3600; dvr_max_size 1;")
    s.stop()
    folder = os.path.join(s.folder, "rec", "live")
    os.makedirs(folder, exist_ok=True)
    now = time.time()
    for name, size, age in (("a.1.flv", 10, 7200), ("a.2.flv", 700000, 900), ("a.3.flv", 700000, 600), ("film.flv", 10, 7200)):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(b"x" * size)
        os.utime(f.name, (now - age, now - age))
    s.start()
    s.wait_log("2 recordings of __defaultVhost__ were removed")
    assert sorted(os.listdir(folder)) == ["a.3.flv", "film.flv"]


@calm
def test_a_full_disk_is_told_once_and_recording_resumes(t):
    """On a disk that fills up the stream goes on, it is told once, what was recorded plays, and recording resumes."""
    s = start(t, "[stream].[timestamp].mp4", wait=False)
    disk = os.path.join(s.folder, "rec")
    os.makedirs(disk, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        raise Skip("a file system of its own cannot be mounted here")
    try:
        s.wait_ready()
        t.publish(s.url("live/a"), t.media(20, gop=1.0), speed=2)
        probe = t.probe(s.url("live/a"))
        s.wait_log("cannot be written", 15)
        probe.wait_frames(40, 10, after=time.monotonic())
        assert subprocess.run(["mount", "-o", "remount,size=20m", disk], capture_output=True).returncode == 0
        wait_for(lambda: any(r["bytes"] > 50000 and r["file"] != first(s) for r in s.json("/api/v1/recordings")["recording"]), 20, "the next recording")
        assert s.log().count("cannot be written:") == 1 and s.is_live("a") and not probe.ended
        [path] = [p for p in recordings(s) if not p.endswith(".tmp")]
        assert int(ffprobe(path)[1]) >= 25
    finally:
        s.stop()
        subprocess.run(["umount", "-l", disk], check=True)


def stalling(t):
    """A file, and the environment of a server whose writes hang while that file is there."""
    t.need("cc")
    hang, shim = t.path("hang"), t.path("stall.so")
    source = os.path.join(flv.TOP, "test", "support", "preload", "stall.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    # The sanitizers' library has to be the first that is loaded.
    asan = re.findall(r"/\S*libasan\S*", subprocess.run(["ldd", BIN], capture_output=True, text=True, check=True).stdout)
    return hang, {"LD_PRELOAD": ":".join([*asan, shim]), "STALL_WHILE": hang}


@calm
def test_a_disk_that_stalls_delays_nobody(t):
    """While writes hang players get everything in time; then the recording goes on, and it is whole."""
    hang, env = stalling(t)
    s = start(t, "[stream].mp4", env=env)
    p = publish(t, s, t.media(12, gop=1.0), speed=1)
    probe = t.probe(s.url("live/a")).wait_frames(20)
    wait_for(lambda: any(r["bytes"] > 0 for r in s.json("/api/v1/recordings")["recording"]), 5, "the recording")
    with open(hang, "w"):
        began = time.monotonic()
    probe.wait_frames(150, 10, after=began)
    late = [b.at - a.at for a, b in zip(probe.messages, probe.messages[1:]) if b.at > began]
    assert max(late) < 1.0 * SCALE, max(late)
    os.unlink(hang)
    end(s, p, 20)
    [path] = finished(s)
    said = ffprobe(path)
    assert int(said[said.index("h264") + 1]) == sum(m.type == VIDEO for m in sent(p)), said
    print(f"longest pause of a player while the disk hung: {max(late):.2f} s")


def first(server):
    """The path of the oldest recording as the API has it."""
    files = server.json("/api/v1/recordings")["files"]
    return files[-1]["file"] if files else ""


def test_a_service_is_told_of_the_recording_that_the_end_of_the_process_has_finished(t):
    """A server that is stopped while it records finishes the file, and on_dvr still hears of it."""
    hooks = t.keep(hookserver.HookServer())
    s = t.server("srs", top.conf(f"dvr {{ enabled on; dvr_path ./rec/[stream].flv; }}"
                                 f"http_hooks {{ enabled on; on_dvr {hooks.url('/dvr')}; }}"))
    publish(t, s, t.media(20, gop=1.0))
    wait_for(lambda: [f for f in os.listdir(s.folder) if f == "rec"] and os.listdir(os.path.join(s.folder, "rec")),
             10, "a recording")
    s.stop()
    told = wait_for(lambda: hooks.of("on_dvr"), 5, "on_dvr")[0]
    assert os.path.exists(os.path.join(told["cwd"], told["file"])), told
