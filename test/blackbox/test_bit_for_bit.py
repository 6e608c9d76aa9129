"""Every output has the published stream: payloads bit for bit after unpacking, times and the distance of sound and pictures
as they were sent. One stream of each kind is published to two servers, which between them make all outputs of it."""
import concurrent.futures
import re
import threading
import urllib.parse

import topology as top
from support import SCALE, flv, hls, httpc, mp4, ts, unpack, websocket
from support.publisher import Publisher
from support.rtmp import AUDIO, VIDEO, Closed, Message, is_header
from support.server import wait_for
from test_dvr import finished
from test_hls import b_frames, decoded_by_ffmpeg, encoded
from test_srs_cases import with_mp3

CONF = ("publish {{ reconnect_grace {grace}; }} play {{ mw_latency 50; }} dvr {{ enabled on; dvr_path ./rec/[stream].{dvr}; }} "
        "hls {{ enabled on; hls_ctx off; hls_path ./objs/nginx/html; hls_fragment 1; hls_window 60; {more} }}")
# Of each server: what its mount is, what it records, and how it cuts.
SERVERS = {"ts": ("flv", ""), "mp4": ("mp4", "hls_use_fmp4 on;"), "aac": ("flv", "hls_use_fmp4 on;"), "mp3": ("flv", "")}
ROUNDING = 2700     # in 90 kHz: sound in MP4 is counted by samples, and the published times are whole milliseconds


class Player(threading.Thread):
    """Gets a stream without an end, to its end."""

    def __init__(self, url, over_websocket):
        super().__init__(daemon=True)
        self.url, self.over_websocket, self.data, self.problem = url, over_websocket, b"", None
        self.start()

    def run(self):
        try:
            self.data = self.by_websocket() if self.over_websocket else self.by_http()
        except Exception as e:
            self.problem = e

    def by_http(self):
        r = httpc.Response(self.url, timeout=40, head=False)
        r.read_head()
        assert r.status == 200, r.status
        data = r.body()
        assert r.clean, "a cut instead of an end"
        r.close()
        return data

    def by_websocket(self):
        c = websocket.Client(self.url, timeout=40)
        assert c.status == 101, c.head
        data, last = [], None
        try:
            while True:
                last = c.frame()
                data += [last[1]] if last[0] == 2 else []
        except Closed:
            c.close()
        assert last == (8, b"\x03\xe8"), last
        return b"".join(data)

    def wait(self):
        self.join(40 * SCALE)
        assert not self.is_alive() and not self.problem, f"{self.url}: {self.problem}"
        return self.data

    def close(self):
        pass        # it ends with its server


class Show:
    """A stream that was published in one or more runs, and what became of it at one server."""

    def __init__(self, t, ending, runs, start_ts=0, apart=False, grace=0):
        dvr, more = SERVERS[ending]
        conf = top.conf(CONF.format(grace=grace * SCALE, dvr=dvr, more=more))
        self.t, self.ending, self.runs, self.start_ts = t, ending, runs, start_ts
        self.server = t.server(ending, conf.replace("[vhost]/[app]/[stream].flv", f"[vhost]/[app]/[stream].{ending}"))
        self.apart, self.sent, self.playing = apart, [], []

    def publish(self):
        """All of it as fast as it goes, or each run by a publisher of its own, those behind the first one in their time: a
        publisher that returns is live."""
        for n, run in enumerate(self.runs if self.apart else [sum(self.runs, [])]):
            p = self.t.keep(Publisher(self.server.url("live/a"), run, loop=False, mark=True, speed=1 if n else None, start_ts=self.start_ts))
            p.freeze()
            p.start()
            if not n:
                self.begin_playing()
            p.freeze(False)
            wait_for(lambda p=p: p.finished, 20, "the end of what is published")
            p.stop()
            self.sent += p.sent
        borders = [sum(len(run) for run in self.runs[:n + 1]) for n in range(len(self.runs))]
        assert borders[-1] == len(self.sent)
        self.run_of = [next(n for n, end in enumerate(borders) if i < end) for i in range(len(self.sent))]

    def begin_playing(self):
        """Nothing was sent by then, so that players get all of it."""
        url = self.server.web(f"/live/a.{self.ending}")
        self.playing = [self.t.keep(Player(url, over_websocket)) for over_websocket in (False, True)]
        wait_for(lambda: len(self.server.clients()) == 3, 10, "the players")

    def units(self, form):
        return [unpack.of_message(m, form, run) for m, run in zip(self.sent, self.run_of) if m.media and not is_header(m)]

    def headers(self, kind):
        """What each codec's header says for the decoder, each once."""
        return list(dict.fromkeys(unpack.header_of(m) for m in self.sent if m.type == kind and is_header(m)))

    def played(self):
        """The same over HTTP and WebSocket."""
        one, two = [p.wait() for p in self.playing]
        assert one == two, (len(one), len(two))
        return one

    def segments(self):
        """The list of the stream that is over, and the bytes of each."""
        found = hls.wait_list(self.server.web("/live/a.m3u8"), 1, ended=True)
        assert sum(s.is_break for s in found.segments) == len(self.runs) - 1, found.text
        return found, [hls.fetch(urllib.parse.urljoin(self.server.web("/live/a.m3u8"), s.uri)) for s in found.segments]

    def recordings(self, count):
        """In the order in which they were made."""
        files = finished(self.server, count)
        assert len(files) == count, files
        return sorted(files, key=lambda path: int((re.search(r"-(\d+)\.\w+$", path) or [0, 0])[1]))


def kinds_of(show):
    return sorted({m.type for m in show.sent if m.media and not is_header(m)})


def judge_hls(show, name, in_ts):
    """Of segments in the one or the other container, by what is in them."""
    found, data = show.segments()
    kinds = kinds_of(show)
    if not found.segments[0].init:
        assert in_ts, "MPEG-TS was not expected"
        got, reader = unpack.of_ts([(d, s.is_break) for d, s in zip(data, found.segments)], show.headers(VIDEO))
        unpack.assert_same(f"{name}: segments in MPEG-TS", show.units("ts"), got, kinds, keeps_times=True)
        assert reader.gap <= 9000, reader.gap
        return
    inits, got, records = {}, [], []
    for s, d in zip(found.segments, data):
        if s.init not in inits:
            inits[s.init] = mp4.tracks(hls.fetch(urllib.parse.urljoin(show.server.web("/live/a.m3u8"), s.init)))
            records.append(inits[s.init])
        got += unpack.of_samples(inits[s.init], mp4.samples(d))
    unpack.assert_same(f"{name}: segments in MP4", show.units("mp4"), got, kinds, keeps_times=True, sound_slack=ROUNDING)
    judge_records(show, f"{name}: segments in MP4", records)


def judge_records(show, what, inits):
    """Initializations have what the encoder's headers said, nothing else and all of it."""
    for kind, name in ((VIDEO, "vide"), (AUDIO, "soun")):
        said = [unpack.header_of(Message(kind, 0, 1, mp4.header(t))) for tracks in inits for t in tracks.values()
                if t.kind == name and t.entry != "ac-3" and "esds" not in t.config]
        asc = [t.config["esds"] for tracks in inits for t in tracks.values() if t.kind == name and "esds" in t.config]
        want = show.headers(kind)
        assert not said or list(dict.fromkeys(said)) == want, (what, said, want)
        assert all(any(header in esds for header in want) for esds in asc if want), (what, asc, want)


def judge_ts(show, name, slack):
    """The continuous transport stream."""
    fits = [k for k in kinds_of(show) if unpack.codec_of(next(m for m in show.sent if m.type == k))[0] not in ("av1", "vp9", "flac")]
    data = show.played()
    if not fits:
        assert not data, len(data)
        return
    got, reader = unpack.of_ts([(data, False)], show.headers(VIDEO))
    assert reader.gap <= 9000, reader.gap
    unpack.assert_same(f"{name}: .ts", [u for u in show.units("ts") if u.kind in fits], got, fits, slack=slack)


def judge_mp4(show, name, slack):
    """The continuous MP4. Its sound is counted by samples, which makes up for a small gap little by little."""
    data = show.played()
    tracks = mp4.tracks(data)
    got = unpack.of_samples(tracks, mp4.samples(data))
    unpack.assert_same(f"{name}: .mp4", show.units("mp4"), got, kinds_of(show), slack=slack, sound_slack=ROUNDING,
                       settling=7200 if len(show.runs) > 1 else 0)


def judge_sound(show, name):
    data = show.played()
    frames = b"".join(ts.adts_frames(data)) if show.ending == "aac" else data[20:]
    unpack.assert_same(f"{name}: .{show.ending}", [u for u in show.units("raw") if u.kind == AUDIO], [unpack.Unit(AUDIO, None, frames)], [AUDIO])


def judge_flv(show, name, slack):
    """The recording in FLV: one file, however often the stream has changed."""
    got = flv.read_file(show.recordings(1)[0])
    unpack.assert_same(f"{name}: recording in FLV", show.units("raw"), unpack.of_messages(got), kinds_of(show), slack=slack)
    for kind in (VIDEO, AUDIO):
        said = [unpack.header_of(m) for m in got if m.type == kind and is_header(m)]
        assert list(dict.fromkeys(said)) == show.headers(kind), (name, kind)


def judge_recorded_mp4(show, name):
    """The recordings in MP4: another one where the decoders change or the times jump, each from 0 on."""
    got, inits = [], []
    for path in show.recordings(len(show.runs)):
        with open(path, "rb") as f:
            data = f.read()
        inits.append(mp4.tracks(data))
        found = unpack.of_samples(inits[-1], mp4.samples(data))
        assert min(u.dts for u in found) == 0, (name, path, min(u.dts for u in found))
        got += found
    unpack.assert_same(f"{name}: recording in MP4", show.units("mp4"), got, kinds_of(show), sound_slack=ROUNDING)
    judge_records(show, f"{name}: recording in MP4", inits)


def all_outputs(t, name, runs, sound="aac", in_ts=True, **kw):
    """Publishes the runs to servers that make everything of it, and compares all that they make. sound: the format of sound
    alone, where that has anything to add."""
    endings = ["ts", "mp4", *([sound] if sound else [])]
    shows = [Show(t, ending, runs, **kw) for ending in endings]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(show.publish) for show in shows]:
            done.result()
    # The clock of a stream follows that of its publishers; one that returns may have begun with a delay.
    slack = 90 * 1000 * SCALE if kw.get("apart") else 0
    judge_ts(shows[0], name, slack)
    judge_flv(shows[0], name, slack)
    judge_mp4(shows[1], name, slack)
    judge_recorded_mp4(shows[1], name)
    for show in shows[:2]:
        judge_hls(show, name, in_ts and show.ending == "ts")
    if sound:
        judge_sound(shows[2], name)
    return shows


def media_of(path_or_messages):
    """In the order of their times, without what ends a sequence."""
    found = flv.read_file(path_or_messages) if isinstance(path_or_messages, str) else path_or_messages
    return sorted((m for m in found if m.payload[:2] != b"\x17\x02"), key=lambda m: m.ts)


def moved(messages, ms):
    return [Message(m.type, m.ts + ms, 1, m.payload) for m in messages if m.media]


def between(messages, begin, end):
    return [m for m in messages if begin <= m.ts < end and (begin == 0 or not is_header(m))]


def test_b_frames(t):
    """H.264 with B-frames and AAC."""
    all_outputs(t, "b-frames", [media_of(b_frames(t))])


def test_other_sizes(t):
    """A stream whose pictures get another size on the way."""
    all_outputs(t, "sizes", [media_of(t.media(4)), moved(media_of(t.media(4, size="160x90")), 4040)], sound=None)


def test_pictures_alone(t):
    """A stream without sound."""
    all_outputs(t, "pictures", [media_of(t.media(4, audio=False))], sound=None)


def test_sound_alone(t):
    """A stream without pictures. (One that ends with a stray frame behind its last segment loses that in HLS.)"""
    all_outputs(t, "sound", [between(media_of(t.media(4, video=False)), 0, 3900)])


def test_times_from_four_billion(t):
    """Times that begin at 2^32 milliseconds less three seconds, and come round."""
    all_outputs(t, "wrap", [media_of(b_frames(t))], start_ts=(1 << 32) - 3000, sound=None)


def test_times_that_jump(t):
    """Times that jump an hour ahead, and to their beginning, while the pictures go on."""
    media = media_of(t.media(10))
    runs = [between(media, 0, 3000), moved(between(media, 3000, 6000), 3600_000), moved(between(media, 6000, 9000), -6000)]
    all_outputs(t, "jumps", runs)


def test_a_publisher_that_returns(t):
    """A publisher that leaves and is there again, with times from 0."""
    media = media_of(t.media(4))
    all_outputs(t, "returns", [media, between(media, 0, 3000)], apart=True, grace=2)


def test_hevc(t):
    """HEVC with B-frames and AAC, by Enhanced RTMP."""
    all_outputs(t, "hevc", [encoded("hevc")], sound=None)


def test_av1_and_opus(t):
    """AV1 and Opus; MPEG-TS has a place for Opus alone."""
    all_outputs(t, "av1", [encoded("av1")], sound=None, in_ts=False)


def test_vp9_and_flac(t):
    """VP9 and FLAC, which MP4 alone has a place for. (The answer to a player that there is nothing for comes after a
    second, if the stream is still there.)"""
    all_outputs(t, "vp9", [encoded("vp9")], sound=None, in_ts=False, grace=2)


def test_mp3(t):
    """H.264 and MP3."""
    all_outputs(t, "mp3", [media_of(with_mp3(t, 10))], sound="mp3")


def test_ac3(t):
    """H.264 by Enhanced RTMP and AC-3; ffmpeg plays both out of the segments in MPEG-TS."""
    shows = all_outputs(t, "ac3", [encoded("ac3")], sound=None)
    said = decoded_by_ffmpeg(shows[0].server.web("/live/a.m3u8"), t.path("out"))
    assert "ac3" in said and "h264" in said, said
