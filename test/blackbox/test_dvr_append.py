"""The plan 'append': recordings that are gone on with."""
import os
import time

import topology as top
from support import amf, flv, hookserver, mp4
from support.case import calm
from support.rtmp import AUDIO, VIDEO, is_header, is_keyframe
from support.server import wait_for
from test_dvr import end, ffprobe, finished, publish, recordings, sent, size_of, stalling, start
from test_hls import b_frames, nal_units


def appended(t, s, count):
    """Publishes that often under one name, and returns what each time was sent, and the only file there is then."""
    times, size = [], 0
    for _ in range(count):
        p = publish(t, s, b_frames(t))
        end(s, p)
        size = wait_for(lambda size=size: [n for n in map(os.path.getsize, finished(s)) if n > size], 10, "the longer file")[0]
        times.append(sent(p))
    [path] = finished(s)
    return times, path


def test_append_flv(t):
    """With the plan 'append' a stream that is published again goes on in the same file: every message, times that
    only rise, one index for all of it, and on_dvr each time."""
    hooks = t.keep(hookserver.HookServer())
    s = t.server("srs", top.conf(f"publish {{ reconnect_grace 1; }} dvr {{ enabled on; dvr_plan append; dvr_path ./rec/[stream].flv; }}"
                                 f"http_hooks {{ enabled on; on_dvr {hooks.url('/dvr')}; }}"))
    times, path = appended(t, s, 3)
    got = [m for m in flv.read_file(path) if m.media and not is_header(m)]
    assert [(m.type, bytes(m.payload)) for m in got] == [(m.type, bytes(m.payload)) for once in times for m in once]
    assert all(a.ts <= b.ts + 60 for a, b in zip(got, got[1:]))
    name, meta = amf.decode(flv.read_file(path)[0].payload)
    keys = [m.ts for m in got if is_keyframe(m)]
    assert abs(meta["duration"] - 30) < 0.5 and meta["filesize"] == os.path.getsize(path), meta
    assert [round(x * 1000) for x in meta["keyframes"]["times"]] == keys and len(keys) == 30
    with open(path, "rb") as f:
        data = f.read()
    for position, ms in zip(meta["keyframes"]["filepositions"], keys):
        at = int(position)
        assert data[at] == VIDEO and int.from_bytes(data[at + 4:at + 7], "big") == ms
    said = ffprobe(path)
    assert said[said.index("h264") + 1] == "750", said
    told = wait_for(lambda: [f for f in [hooks.of("on_dvr")] if len(f) == 3], 10, "on_dvr")[0]
    assert {x["file"] for x in told} == {"./rec/a.flv"}


def test_append_mp4(t):
    """The same in MP4: every picture and every frame of sound of both times, decoding times that only rise; other
    decoders are another file, and neither loses anything."""
    s = start(t, "[stream].mp4", "dvr_plan append;")
    times, path = appended(t, s, 2)
    with open(path, "rb") as f:
        found = mp4.samples(f.read())
    pictures = [[m for m in once if m.type == VIDEO] for once in times]
    assert [x.data for x in found[1]] == [b"".join(len(n).to_bytes(4, "big") + n for n in nal_units(m.payload))
                                          for once in pictures for m in once]
    for track in found.values():
        assert all(a.dts < b.dts for a, b in zip(track, track[1:]))
    assert len(found[2]) >= sum(m.type == AUDIO for once in times for m in once) - 4
    said = ffprobe(path)
    assert said[1] == "500" and abs(float(said[4]) - 20) < 0.5, said
    before = os.path.getsize(path)
    end(s, publish(t, s, t.media(4, size="160x90")))
    files = finished(s, 2)
    assert [os.path.basename(p) for p in files] == ["a-1.mp4", "a.mp4"]
    assert os.path.getsize(path) == before and ffprobe(files[0])[1] == "100", files


@calm
def test_append_after_a_crash(t):
    """kill -9 while a recording is gone on with: what stood there and what came until then is in one file, which the
    stream goes on with as soon as it is there again."""
    for ending in ("flv", "mp4"):
        s = start(t, f"[stream].{ending}", "dvr_plan append;", name=ending)
        end(s, publish(t, s, t.media(4, gop=1.0)))
        [path] = finished(s)
        before = os.path.getsize(path)
        publish(t, s, t.media(10, gop=1.0), speed=2)
        wait_for(lambda s=s, before=before: size_of(s) > before + 100000, 10, "some more of it")
        s.kill9()
        [left] = recordings(s)
        assert left.endswith(".tmp")
        with open(left, "ab") as f:
            f.write(b"\0\0\0\x09half of something")
        s.start()
        end(s, publish(t, s, t.media(4, gop=1.0)))
        wait_for(lambda s=s: len(recordings(s)) == 1 and not recordings(s)[0].endswith(".tmp"), 10, "one file")
        [path] = finished(s)
        said = ffprobe(path)
        assert int(said[said.index("h264") + 1]) >= 100 + 50 + 100, said


def test_append_leaves_alone_what_it_did_not_make(t):
    """A file of that name that nothing can be put behind stays as it is; the recording gets a number."""
    for ending in ("flv", "mp4"):
        s = start(t, f"[stream].{ending}", "dvr_plan append;", name=ending)
        os.makedirs(os.path.join(s.folder, "rec"), exist_ok=True)
        with open(os.path.join(s.folder, "rec", "a." + ending), "wb") as f:
            f.write(b"FLV\1\5\0\0\0\x09\0\0\0\0 a film of somebody else")
        end(s, publish(t, s, t.media(4)))
        files = finished(s, 2)
        assert [os.path.basename(p) for p in files] == [f"a-1.{ending}", f"a.{ending}"]
        assert os.path.getsize(files[1]) < 100
        said = ffprobe(files[0])
        assert said[said.index("h264") + 1] == "100", said


def test_append_waits_for_a_disk_that_stalls(t):
    """A stream that is published again while the end of its recording cannot be written yet is recorded behind it as soon
    as that is done: one file, under its name."""
    hang, env = stalling(t)
    s = start(t, "[stream].flv", "dvr_plan append;", env=env)
    p = publish(t, s, t.media(4, gop=1.0))
    wait_for(lambda: p.finished and size_of(s) > 100000, 10, "some of the recording")
    with open(hang, "w"):
        began = time.monotonic()
    p.stop()
    wait_for(lambda: not s.json("/api/v1/recordings")["recording"], 10, "the end of the stream")
    q = t.publish(s.url("live/a"), t.media(10, gop=1.0), speed=1)
    wait_for(lambda: time.monotonic() - began > 3, 10, "longer than the end of a server waits")
    os.unlink(hang)
    wait_for(lambda: s.log().count("recording /live/a to") == 2, 10, "the second recording")
    wait_for(lambda: any(r["duration_ms"] >= 5500 for r in s.json("/api/v1/recordings")["recording"]), 15, "some of it")
    q.stop()
    s.wait_ended("a", 10)
    wait_for(lambda: [os.path.basename(x) for x in recordings(s)] == ["a.flv"], 10, "one file")
    said = ffprobe(recordings(s)[0])
    assert int(said[said.index("h264") + 1]) >= 130, said
