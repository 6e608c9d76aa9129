"""SRT in cases: the configuration, URLs, callers, and media compared by what it carries."""
import json
import os
import subprocess
import sys

from . import SCALE, flv
from .case import Skip
from .rtmp import AUDIO, VIDEO, is_header, is_keyframe

SERVER = "srt_server { enabled on; listen 127.0.0.1:$srt; %s }\n"
VHOST = "srt { enabled on; %s } "


def need(t):
    """The case is skipped where the server has no SRT, or the tools are not there."""
    t.need("srt-live-transmit")
    t.need("ffmpeg")
    if "srt" not in subprocess.run(["ffmpeg", "-hide_banner", "-protocols"], capture_output=True, text=True, timeout=20,
                                   check=False).stdout.split():
        raise Skip("ffmpeg has no SRT")


def url(server, stream_id="", port=None, **options):
    """srt://… as ffmpeg takes it; times are in microseconds there."""
    more = "".join(f"&{k}={v}" for k, v in options.items())
    return f"srt://127.0.0.1:{port or server.srt}?streamid={stream_id}{more}"


def publish_url(server, name="live/a", **options):
    """With time for what is under way at the end of the file."""
    options.setdefault("linger", 1)
    return url(server, f"#!::r={name},m=publish", **options)


def play_url(server, name="live/a", **options):
    return url(server, f"#!::r={name},m=request", **options)


def ffmpeg(t, path, to, loop=True, extra=("-c", "copy", "-pes_payload_size", "0"), form="mpegts"):
    """ffmpeg publishing a file in real time."""
    command = ["ffmpeg", "-nostdin", "-v", "warning", "-re", *(["-stream_loop", "-1"] if loop else []), "-i", path,
               *extra, "-f", form, to]
    return t.spawn(command, f"ffmpeg-srt-{len(t.things)}")


def probe(link, seconds=2):
    """Packets by codec, as ffprobe reads a URL for so long; a second of it says what there is."""
    done = subprocess.run(["ffprobe", "-v", "error", "-analyzeduration", "1000000", "-read_intervals", f"%+{seconds}", "-count_packets",
                           "-show_entries", "stream=codec_name,nb_read_packets", "-of", "json", link], capture_output=True, text=True, timeout=40 * SCALE, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return {s["codec_name"]: int(s.get("nb_read_packets", 0)) for s in json.loads(done.stdout)["streams"]}


def call(server, stream_id, passphrase="", hold=0):
    """What a caller is told: {"connected", "reason", "words", "lasted"}; see srt_caller.py."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "srt_caller.py")
    done = subprocess.run([sys.executable, script, str(server.srt), stream_id, passphrase, str(hold * SCALE)],
                          capture_output=True, text=True, timeout=(10 + hold) * SCALE, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def api(server):
    return server.json("/api/v1/srt")


def session(server, kind):
    """The one session of that type, as the API has it; None."""
    found = [s for s in api(server)["sessions"] if s["type"] == kind]
    return found[0] if len(found) == 1 else None


# ---- media, compared by what it carries ----

def media_file(t, seconds=6, name="media", video="libx264", bframes=0, extra=()):
    """A transport stream of test pictures and a tone: 25 pictures a second, a key frame each second."""
    path = t.path(name + ".ts")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=s=320x240:r=25:d={seconds}", "-f", "lavfi",
                    "-i", f"sine=440:r=44100:d={seconds}", "-c:v", video, "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g",
                    "25", "-bf", str(bframes), *extra, "-c:a", "aac", "-b:a", "64k", "-pes_payload_size", "0", "-f", "mpegts",
                    path], check=True, timeout=60 * SCALE)
    return path


def as_flv(t, path, name):
    """A file of ffmpeg's as messages."""
    out = t.path(name + ".flv")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, "-c", "copy", "-f", "flv", out], check=True, timeout=60 * SCALE)
    return flv.read_file(out)


def pictures(messages):
    """Of each H.264 picture the slices, without what containers add or take away."""
    out = []
    for m in messages:
        if m.type != VIDEO or is_header(m) or m.payload[1] != 1:
            continue
        data, slices = bytes(m.payload[5:]), []
        while data:
            size = int.from_bytes(data[:4], "big")
            if data[4] & 31 in (1, 5):
                slices.append(data[4:4 + size])
            data = data[4 + size:]
        out.append(b"".join(slices))
    return out


def sounds(messages):
    return [bytes(m.payload[2:]) for m in messages if m.type == AUDIO and not is_header(m)]


def is_within(part, whole, slack=0):
    """All of `part` stands in `whole`, in one piece; but for `slack` at its beginning and its end."""
    part = part[slack:len(part) - slack]
    if not part or part[0] not in whole:
        return False
    at = whole.index(part[0])
    return whole[at:at + len(part)] == part


def spread(messages):
    """By how much sound is ahead of pictures at the first key frame, in milliseconds."""
    times = {}
    for m in messages:
        if m.media and not is_header(m) and (m.type == AUDIO or is_keyframe(m)):
            times.setdefault(m.type, m.ts)
    return times[VIDEO] - times[AUDIO]
