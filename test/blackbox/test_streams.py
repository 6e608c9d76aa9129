"""Streams as encoders really send them: without key frames, with two clocks, too large for the memory there is."""
import os
import time

import topology as top
from support import SCALE
from support.case import calm, limit
from support.rtmp import AUDIO, VIDEO, Closed, Message, Timeout, is_header
from support.server import SMALL_QUARANTINE, wait_for

HEADER = bytes.fromhex("17 00 000000 01 42c01e ff e1 0009 6742c01eda0507e840 01 0004 68ce3c80")
KEY = bytes.fromhex("17 01 000000 00000003 658884")
SLICE = bytes.fromhex("27 01 000000 00000003 419a24")
AAC = bytes.fromhex("af00 1210 56e500")
SOUND = b"\xaf\x01" + bytes(90)


class Encoder:
    """One picture and two sounds each 40 ms, which come when they are made."""

    def __init__(self, t, url, video_base=0, audio_base=0, sound=True):
        self.c = t.client(url).connect()
        self.c.publish()
        self.video_base, self.audio_base, self.at = video_base, audio_base, 0
        self.sound = sound
        self.video(HEADER)
        if sound:
            self.send(AUDIO, audio_base, AAC)

    def send(self, kind, ts, body):
        self.c.send(Message(kind, ts & 0xFFFFFFFF, self.c.sid, body))

    def video(self, body):
        self.send(VIDEO, self.video_base + self.at, body)

    def run(self, seconds, pace=1.0):
        """`pace` 0: as fast as it goes."""
        start, begun = time.monotonic(), self.at
        while self.at < begun + seconds * 1000:
            self.video(SLICE)
            for n in (0, 20) if self.sound else ():
                self.send(AUDIO, self.audio_base + self.at + n, SOUND)
            self.at += 40
            if pace:
                time.sleep(max(0, start + (self.at - begun) / 1000 - time.monotonic()))
        return self


def first_picture(t, encoder, url, seconds):
    """How long a player that joins waits for its first picture, while the encoder goes on."""
    c = t.client(url).connect()
    c.play()
    joined = time.monotonic()
    while time.monotonic() < joined + seconds:
        encoder.run(0.2)
        try:
            while True:
                m = c.read(0.01)
                if m.type == VIDEO and not is_header(m):
                    return time.monotonic() - joined
        except Timeout:
            pass
    raise AssertionError(f"no picture within {seconds} s")


@limit(60)
def test_viewers_get_pictures_although_no_key_frame_comes(t):
    """A stream whose only key frame was its first is shown to those who join within three seconds, at an edge
    too; the log says it once, and the API."""
    s = t.server("srs", top.local(play="gop_cache_max_frames 100;"))
    e = Encoder(t, s.url("live/x"))
    e.video(KEY)
    e.run(12, pace=0)
    assert first_picture(t, e, s.url("live/x"), 5 * SCALE) < 3.5 * SCALE
    edge = top.start_edge(t, s)
    assert first_picture(t, e, edge.url("live/x"), 8 * SCALE) < 6 * SCALE
    video = s.stream("x")["video"]
    assert video["key_frames"] == "rare", video
    assert s.log().count("key frame for 10 s") == 1, s.log()


@calm
@limit(40)
def test_tracks_with_clocks_of_their_own_do_not_speed_the_stream_up(t):
    """Pictures an hour ahead of the sound: a player's clock runs like the wall clock."""
    s = t.server("srs", top.local())
    e = Encoder(t, s.url("live/x"), video_base=3600000)
    e.video(KEY)
    e.run(0.5)
    c = t.client(s.url("live/x")).connect()
    c.play()
    e.run(10)
    times = {VIDEO: [], AUDIO: []}
    try:
        while True:
            m = c.read(0.2)
            if m.media and not is_header(m):
                times[m.type].append(m.ts)
    except Timeout:
        pass
    for got in times.values():
        assert 9800 < got[-1] - got[0] < 10800, (got[0], got[-1])
    assert abs(times[VIDEO][-1] - times[AUDIO][-1]) < 500, times


@calm
@limit(60)
def test_sound_that_an_encoder_no_longer_sends_is_forgotten(t):
    """An encoder comes back without sound within the grace, while somebody watches at an edge: the API of origin
    and edge names no audio any more, and a player that joins gets no header of it."""
    s = t.server("srs", top.local())
    edge = top.start_edge(t, s)
    first = Encoder(t, s.url("live/x"))
    first.video(KEY)
    first.run(0.5)
    watcher = t.client(edge.url("live/x")).connect()
    watcher.play()
    first.run(1.5)
    assert s.stream("x")["audio"] and edge.stream("x")["audio"]
    first.c.unpublish()
    again = Encoder(t, s.url("live/x"), sound=False)
    again.video(KEY)
    again.run(2)

    def has_sound(server):
        again.run(0.1)
        return server.stream("x")["audio"] is not None
    for server in (s, edge):
        wait_for(lambda at=server: not has_sound(at), 10 * SCALE, "no audio in the API")
        c = t.client(server.url("live/x")).connect()
        c.play()
        again.run(1)
        try:
            while True:
                assert c.read(0.2).type != AUDIO
        except Timeout:
            pass


def replaced_without_sound(t, edge_of):
    """An encoder that hangs is replaced by one without sound: there is no gap, and the edge has no audio any more."""
    s = t.server("srs", top.local())
    edge = edge_of(t, s)
    first = Encoder(t, s.url("live/x"))
    first.video(KEY)
    first.run(0.5)
    watcher = t.probe(edge.url("live/x"))
    first.run(1.5)
    assert s.stream("x")["audio"] and edge.stream("x")["audio"]
    again = Encoder(t, s.url("live/x"), sound=False)  # while the first one answers nothing
    again.video(KEY)
    again.run(1)

    def has_sound(server):
        again.run(0.1)
        return server.stream("x")["audio"] is not None
    for server in (s, edge):
        wait_for(lambda at=server: not has_sound(at), 10 * SCALE, "no audio in the API")
    c = t.client(edge.url("live/x")).connect()
    c.play()
    again.run(1)
    try:
        while True:
            assert c.read(0.2).type != AUDIO
    except Timeout:
        pass
    shown = len(watcher.frames(VIDEO))
    again.run(1)
    assert not watcher.ended and len(watcher.frames(VIDEO)) > shown
    s.wait_log("it is replaced")


@calm
def test_sound_of_a_replaced_encoder_is_forgotten_at_an_edge(t):
    """A publisher that is replaced without a gap leaves no header of its sound behind at an edge."""
    replaced_without_sound(t, top.start_edge)


@calm
def test_sound_of_a_replaced_encoder_is_forgotten_at_an_edge_over_http_flv(t):
    """The same at an edge that fetches over HTTP-FLV."""
    replaced_without_sound(t, top.start_flv_edge)


def test_an_edge_that_joins_a_new_publisher_hears_nothing_of_the_one_before(t):
    """A publisher comes back with a picture's header and nothing else: an edge that joins then is given no sound of
    the run before, while a player may begin with what is kept."""
    s = t.server("srs", top.local())
    first = Encoder(t, s.url("live/x"))
    first.video(KEY)
    t.client(s.url("live/x")).connect().play()  # somebody waits for it
    first.run(0.5)
    first.c.unpublish()
    again = Encoder(t, s.url("live/x"), sound=False)
    kinds = {}
    for who, args in (("edge", {"srs_pid": 4711.0, "srs_server": "vid-edge"}), ("player", None)):
        c = t.client(s.url("live/x")).connect(args)
        c.play()
        kinds[who] = set()
        try:
            while True:
                kinds[who].add(c.read(0.5).type)
        except Timeout:
            pass
    assert AUDIO not in kinds["edge"], kinds
    assert AUDIO in kinds["player"], kinds
    again.video(KEY)


@limit(90)
def test_media_memory_is_bounded_in_all_and_given_back(t):
    """Four publishers of endless GOPs with stuck players do not take more than max_memory, a stream beside them
    goes on, and after them the memory is the system's again."""
    mb = 96
    s = t.server("srs", top.local(top=f"max_memory {mb};"), env=SMALL_QUARANTINE)
    good = t.publish(s.url("live/good"), mark=True)
    probe = t.probe(s.url("live/good")).wait_frames(20)
    base = s.rss_kb
    body = SLICE + os.urandom(1 << 20)
    large, stuck = [], []
    for n in range(4):
        c = t.client(s.url(f"live/large{n}"), timeout=20).connect(chunk_size=1 << 20)
        c.publish()
        c.send(Message(VIDEO, 0, c.sid, KEY + body))
        player = t.client(s.url(f"live/large{n}")).connect()
        player.play()
        large.append(c)
        stuck.append(player)
    for k in range(1, 60):
        for c in large:
            try:
                c.send(Message(VIDEO, 40 * k, c.sid, body), timeout=20)
            except Closed:
                pass
    most = s.rss_kb
    assert most - base < (mb + 48) * 1024 * SCALE, f"{(most - base) >> 10} MB"
    s.wait_log("media memory is short")
    probe.wait_frames(len(probe.frames()) + 30)
    assert not probe.missing(good.sent)
    for c in large + stuck:
        c.close()
    wait_for(lambda: s.rss_kb - base < 24 * 1024 * SCALE, 60, "the memory is given back")
