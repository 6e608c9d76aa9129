"""An hour that is published as fast as it goes."""
import os
import subprocess
import time

from support import SCALE, SHORT, flv
from support.case import limit
from support.publisher import looped
from support.server import SMALL_QUARANTINE, wait_for
from test_dvr import end, finished, publish, recordings, sent, start


@limit(240 if SHORT else 400)
def test_an_hour(t):
    """An hour that is published as fast as it goes is one file with the duration right to a frame, seekable, in flat
    memory; made progressive at its end too, and no player of another stream waits for that."""
    media, frame = an_hour(t)
    for name, ending, more in (("flv", "flv", ""), ("mp4", "mp4", ""), ("whole", "mp4", "dvr_mp4_progressive on;")):
        s = start(t, f"[stream].{ending}", more + "dvr_apply live/a;", name=name, env=SMALL_QUARANTINE)
        probe = beside(t, s)
        p = publish(t, s, media())
        wait_for(lambda p=p: p.finished or len(p.sent) > 20000, 60, "some of it")
        before = s.rss_kb
        wait_for(lambda p=p: p.finished, 200, "the end of the hour")
        ended = time.monotonic()
        end(s, p)
        wait_for(lambda s=s: not recordings(s, "**/*.tmp"), 60, "its name")
        took = time.monotonic() - ended
        pause = max((b.at - a.at for a, b in zip(probe.messages, probe.messages[1:]) if b.at > ended), default=0)
        [path] = finished(s)
        # The index of a whole MP4 is made in memory.
        most = 8000 if not more else 8000 + len(p.sent) // 20
        assert s.rss_kb < before + most * SCALE, (before, s.rss_kb)
        seconds = (sent(p)[-1].ts - sent(p)[0].ts) / 1000
        assert seconds > 3590
        shown = float(ffprobe_entries(path, "format=duration"))
        assert abs(shown - seconds) <= frame + 0.002, (shown, seconds)
        at = ffprobe_entries(path, "packet=pts_time", "-select_streams", "v", "-read_intervals", "3500%+#1").split()[0]
        assert 3490 <= float(at) <= 3501, at
        assert pause < 1.0 * SCALE, pause
        print(f"{name}: {seconds:.3f} s shown as {shown:.3f}, {len(p.sent)} messages, {os.path.getsize(path) >> 10} KB, memory {before} "
              f"to {s.rss_kb} KB, named {took:.2f} s after the end; longest pause of a player from then on {pause:.3f} s")
        s.stop()


def beside(t, s):
    """A player of another stream."""
    t.publish(s.url("live/b"), t.media(20, gop=1.0))
    return t.probe(s.url("live/b")).wait_frames(20)


def an_hour(t):
    """What makes the messages of an hour, and how long a picture is shown: with --short five of them a second without
    sound."""
    path = t.media(20, gop=2.0, fps=5, rate="20k", size="64x36", audio=False) if SHORT else t.media(20, gop=2.0)
    media = flv.read_file(path)
    return lambda: list(looped_for(media, 3600000)), 0.2 if SHORT else 0.04


def looped_for(media, span):
    for m in looped(media):
        if m.ts >= span:
            return
        yield m


def ffprobe_entries(path, entries, *args):
    done = subprocess.run(["ffprobe", "-v", "error", *args, "-show_entries", entries, "-of", "default=nk=1:nw=1", path],
                          capture_output=True, timeout=60)
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode()
