"""MP4 that is made progressive at its end: the same packets, an index in front, and never half a file under its name."""
import os
import subprocess

import topology as top
from support import hookserver, mp4
from support.case import Skip
from support.server import wait_for
from test_dvr import end, ffprobe, finished, publish, recordings, start
from test_hls import b_frames, encoded

MORE = "dvr_mp4_progressive on;"


def packets(path):
    """Times, flags and content of each packet, as another program reads them."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_data_hash", "md5", "-show_entries",
                           "packet=stream_index,pts_time,dts_time,flags,size,data_hash", "-of", "compact", path],
                          capture_output=True, timeout=60)
    assert not done.stderr, done.stderr.decode()
    by_stream = {}
    for line in done.stdout.decode().splitlines():
        by_stream.setdefault(line.split("|")[1], []).append(line)
    return by_stream


def kinds(path):
    with open(path, "rb") as f:
        return [kind.decode() for kind, _, _ in mp4.boxes(f.read())]


def test_the_same_packets(t):
    """Each packet has the times, flags and bytes that it has in the fragmented one, with B-frames, in H.264, HEVC, AV1
    and Opus; the index stands in front, and on_dvr is told of this file alone."""
    hooks = t.keep(hookserver.HookServer())
    running = []
    for name, media in (("h264", b_frames(t)), ("hevc", encoded("hevc")), ("av1", encoded("av1"))):
        for more in ("", MORE):
            s = t.server(name + ("-whole" if more else ""), top.conf(
                f"publish {{ reconnect_grace 1; }} dvr {{ enabled on; dvr_path ./rec/[stream].mp4; {more} }}"
                f"http_hooks {{ enabled on; on_dvr {hooks.url('/' + name)}; }}"))
            running.append((s, publish(t, s, media)))
    for s, publisher in running:
        end(s, publisher)
    made = [finished(s)[0] for s, _ in running]
    for fragmented, whole in zip(made[::2], made[1::2]):
        assert "moof" in kinds(fragmented) and kinds(whole) == ["ftyp", "moov", "mdat"]
        assert packets(whole) == packets(fragmented)
        assert ffprobe(whole)[:-1] == ffprobe(fragmented)[:-1]
        assert abs(float(ffprobe(whole)[-1]) - float(ffprobe(fragmented)[-1])) < 0.1
    told = wait_for(lambda: [f for f in [hooks.of("on_dvr")] if len(f) == 6], 10, "on_dvr")[0]
    assert {x["file"] for x in told} == {"./rec/a.mp4"}


def test_segments_are_whole_while_the_next_ones_are_recorded(t):
    """The files of the plan 'segment' are made whole one by one beside the recording, and nothing else is left."""
    s = start(t, "[stream].[timestamp].mp4", MORE + "dvr_plan segment; dvr_duration 2;")
    p = publish(t, s, t.media(10, gop=1.0), speed=4)
    end(s, p)
    files = finished(s, 5)
    assert all(kinds(path) == ["ftyp", "moov", "mdat"] for path in files), files
    assert sum(int(ffprobe(path)[1]) for path in files) == 250


def test_what_a_crash_leaves_on_the_way(t):
    """kill -9 while a recording is made whole leaves it under its temporary name, whichever of the two it is by then;
    the next start gives it its name and removes what was half made."""
    files = {}
    for more in ("", MORE):
        s = start(t, "[stream].mp4", more, name="whole" if more else "fragmented")
        end(s, publish(t, s, t.media(4)))
        with open(finished(s)[0], "rb") as f:
            files[more] = f.read()
        s.kill9()
    folder = os.path.join(s.folder, "rec")
    os.unlink(os.path.join(folder, "a.mp4"))
    for name, content in (("a.mp4.{}-1.tmp", files[""]), ("a.mp4.{}-1.tmp.part", files[MORE][:-1000]), ("b.mp4.{}-2.tmp", files[MORE])):
        with open(os.path.join(folder, name.format(s.pid)), "wb") as f:
            f.write(content)
    s.start()
    got = wait_for(lambda: [f for f in [recordings(s)] if [os.path.basename(p) for p in f] == ["a.mp4", "b.mp4"]], 10, "both files")[0]
    for path, content in zip(got, (files[""], files[MORE])):
        with open(path, "rb") as f:
            assert f.read() == content


def test_a_disk_without_room_for_both(t):
    """Where the disk has no room for the whole one beside it, the recording stays fragmented under its name, and the
    log says so."""
    s = start(t, "[stream].mp4", MORE, wait=False)
    disk = os.path.join(s.folder, "rec")
    os.makedirs(disk, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", disk], capture_output=True).returncode:
        raise Skip("a file system of its own cannot be mounted here")
    try:
        s.wait_ready()
        end(s, publish(t, s, t.media(8, gop=1.0)))
        s.wait_log("stays a fragmented MP4: No space left on device")
        [path] = finished(s)
        assert os.path.getsize(path) > 250000 and "moof" in kinds(path) and ffprobe(path)[1] == "200"
    finally:
        s.stop()
        subprocess.run(["umount", "-l", disk], check=True)


def test_append_is_refused(t):
    """A progressive file cannot be gone on with, so both directives together are an error."""
    done = t.run("-t", "-c", "x.conf", conf=f"listen 19099; vhost __defaultVhost__ {{ dvr {{ enabled on; {MORE} dvr_plan append; }} }}")
    assert done.returncode != 0 and "cannot be gone on with" in done.text, done.text
