"""Continuous outputs over HTTP by the mount's ending: MPEG-TS, fragmented MP4, ADTS and MP3."""
import os
import subprocess

import topology as top
from support import flv, httpc, mp4, ts
from support.rtmp import AUDIO, VIDEO, is_header, is_keyframe
from support.server import wait_for


def start(t, ending):
    conf = top.conf("play { mw_latency 50; }").replace("[stream].flv", "[stream]" + ending)
    return t.server("srs" + ending.replace(".", "-"), conf)


def fetch(url, enough, timeout=15):
    """So many bytes of an answer without an end, and its headers."""
    r = httpc.Response(url, timeout=timeout)
    assert r.status == 200, r.status
    data = bytearray()
    while len(data) < enough:
        piece = r.read()
        if not piece:
            break
        data += piece
    r.close()
    return bytes(data), r.headers


def ffprobe(t, data, ending):
    """How many frames ffmpeg decodes of each kind; marked ones are not what a decoder likes."""
    path = t.path("probe" + ending)
    with open(path, "wb") as f:
        f.write(data)
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames",
                           "-of", "csv=p=0", path], capture_output=True, timeout=30)
    return dict(line.split(",")[:2] for line in done.stdout.decode().split())


def frames(publisher, kind):
    return {bytes(m.payload[5 if kind == VIDEO else 2:]): m for m in publisher.sent if m.type == kind and not is_header(m)}


def nal_units(payload):
    out, data = [], payload
    while data:
        size = int.from_bytes(data[:4], "big")
        out.append(bytes(data[4:4 + size]))
        data = data[4 + size:]
    return out


def test_transport_stream(t):
    """A stream as MPEG-TS begins with its tables and a key frame, and has the published pictures and sound."""
    s = start(t, ".ts")
    p = t.publish(s.url("live/a"), t.media(10, gop=1.0), mark=True)
    p.wait_sent(60)
    data, headers = fetch(s.web("/live/a.ts"), 150000)
    assert headers["content-type"] == "video/MP2T", headers
    data = data[:len(data) // ts.PACKET * ts.PACKET]
    reader = ts.Ts()
    units = reader.feed(data)[:-2]                  # the last of each kind may be cut short
    assert sorted(reader.types.values()) == [0x0F, 0x1B] and reader.gap <= 9000
    pictures = [u for u in units if u.stream_id == 0xE0]
    assert pictures[0].is_random and len(pictures) >= 50
    sent = {tuple(n for n in nal_units(k) if n[0] & 31 != 9): m for k, m in frames(p, VIDEO).items()}
    base = None
    for u in pictures:
        m = sent[tuple(n for n in ts.nals(u.data) if n[0] & 31 not in (7, 8, 9))]
        base = base if base is not None else u.dts - m.ts * 90
        assert abs(u.dts - m.ts * 90 - base) <= 180 and u.pts == u.dts
    sound = frames(p, AUDIO)
    for u in units:
        if u.stream_id == 0xC0:
            m = sound[ts.adts_frames(u.data)[0]]
            assert abs(u.dts - m.ts * 90 - base) <= 180, "audio and video are apart"
    assert ffprobe(t, data, ".ts").keys() == {"h264", "aac"}


def test_fragmented_mp4(t):
    """A stream as MP4 begins with its initialization and a key frame; each picture is a fragment."""
    s = start(t, ".mp4")
    p = t.publish(s.url("live/a"), t.media(10, gop=1.0), mark=True)
    p.wait_sent(60)
    data, headers = fetch(s.web("/live/a.mp4"), 150000)
    assert headers["content-type"] == "video/mp4", headers
    whole, at = [], 0
    while at + 8 <= len(data) and at + int.from_bytes(data[at:at + 4], "big") <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        whole.append((data[at + 4:at + 8], at))
        at += size
    data = data[:at if whole[-1][0] == b"mdat" else whole[-1][1]]
    known = mp4.tracks(data)
    assert [known[i].entry for i in (1, 2)] == ["avc1", "mp4a"]
    found = mp4.samples(data)
    assert found[1][0].is_key
    sent, sound, base = frames(p, VIDEO), frames(p, AUDIO), None
    for x in found[1]:
        m = sent[x.data]
        base = base if base is not None else x.dts - m.ts * 90
        assert abs(x.dts - m.ts * 90 - base) <= 180 and x.is_key == is_keyframe(m)
    for a, b in zip(found[2], found[2][1:]):
        assert a.data in sound and b.dts == a.dts + a.duration == a.dts + 1024
    first = found[2][0]
    assert abs(first.dts / 44100 - (sound[first.data].ts * 90 + base) / 90000) < 0.05, "audio and video are apart"
    said = ffprobe(t, data, ".mp4")
    assert int(said["h264"]) >= 50 and int(said["aac"]) >= 50, said


def test_players_share_what_is_made(t):
    """Two players that come at different times get the same bytes from there on."""
    s = start(t, ".mp4")
    p = t.publish(s.url("live/a"), t.media(10, gop=1.0), mark=True)
    p.wait_sent(60)
    r = httpc.Response(s.web("/live/a.mp4"), timeout=15)
    one = bytearray(r.read())
    two, _ = fetch(s.web("/live/a.mp4"), 60000)
    while len(one) < 120000:
        one += r.read(1)
    r.close()
    head = two.index(b"moof") - 4
    at = bytes(one).find(two[head:head + 2000])
    both = min(len(one) - at, len(two) - head)
    assert at > 0 and both > 20000 and one[at:at + both] == two[head:head + both], (at, both)


def test_sound_with_adts(t):
    """A stream as AAC is its sound alone, each frame behind its header."""
    s = start(t, ".aac")
    p = t.publish(s.url("live/a"), t.media(10), mark=True)
    p.wait_sent(60)
    data, headers = fetch(s.web("/live/a.aac"), 15000)
    assert headers["content-type"] == "audio/aac", headers
    sound = frames(p, AUDIO)
    assert all(frame in sound for frame in ts.adts_frames(data)[:-1])
    assert int(ffprobe(t, data, ".aac")["aac"]) >= 50


def test_mp3(t):
    """A stream as MP3 begins with a tag; frames are as they were sent."""
    t.media(1)
    path = os.path.join(flv.MEDIA, "sound-mp3.flv")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "20", "-c:a",
                    "libmp3lame", "-f", "flv", path], check=True)
    s = start(t, ".mp3")
    p = t.publish(s.url("live/a"), path)
    p.wait_sent(20)
    data, headers = fetch(s.web("/live/a.mp3"), 15000)
    assert headers["content-type"] == "audio/mpeg" and data[:10] == b"ID3\3\0\0\0\0\0\x0a", data[:10]
    sent = b"".join(bytes(m.payload[1:]) for m in p.sent if m.type == AUDIO)
    assert data[20:10000] in sent
    assert int(ffprobe(t, data, ".mp3")["mp3"]) >= 20


def test_one_ending_is_served(t):
    """The mount's ending alone is served; the other ones are not there."""
    s = start(t, ".ts")
    t.publish(s.url("live/a"), t.media(10))
    wait_for(lambda: s.is_live("a"), 5, "the stream")
    for ending in (".flv", ".mp4", ".aac"):
        assert httpc.fetch(s.web("/live/a" + ending)).status == 404
    r = httpc.Response(s.web("/live/a.ts"), "HEAD")
    assert r.status == 200 and r.headers["content-type"] == "video/MP2T", r.headers
