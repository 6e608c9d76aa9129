"""Encoders: their dialogues, a busy stream, blips, and the end of a stream."""
import os
import time

import topology as top
from support import SCALE, flv, rtmp
from support.case import Skip
from support.rtmp import Command, Refused
from support.server import Process, wait_for

START = "NetStream.Publish.Start"
BAD_NAME = "NetStream.Publish.BadName"
UNPUBLISH = "NetStream.Play.UnpublishNotify"


def commands(c):
    return [Command(m) for m in c.seen if m.type == rtmp.COMMAND]


def flow(t, kind):
    """Publishes by the dialogue of one kind of client; what it heard, and the server."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    c.connect()
    c.publish(flow=kind)
    return c, s


def test_connect_is_answered_as_srs_does(t):
    """Window, bandwidth, chunk size, _result with SRS's identity, onBWDone: in this order."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    c.connect(objectEncoding=0)
    c.wait_command(lambda x: x.name == "onBWDone")
    kinds = [m.type for m in c.seen if m.type != rtmp.COMMAND]
    assert kinds == [rtmp.WINDOW_ACK, rtmp.PEER_BANDWIDTH, rtmp.SET_CHUNK_SIZE], kinds
    result = c.connected
    assert result.object["capabilities"] == 127 and result.object["mode"] == 1, result
    assert result.info["code"] == "NetConnection.Connect.Success" and result.info["objectEncoding"] == 0, result
    assert {"srs_server", "srs_version", "srs_pid", "srs_id"} <= set(result.info["data"]), result


def test_busy_stream_is_bad_name(t):
    """A second encoder of a live stream hears BadName with a sentence, is closed, and disturbs nobody."""
    s = t.server("srs", top.local())
    first = t.publish(s.url("live/x"), mark=True)
    probe = t.probe(s.url("live/x")).wait_frames(10)
    for kind in ("fmle", "flash", "haivision"):
        c = t.client(s.url("live/x"))
        c.connect()
        try:
            c.publish(flow=kind)
            raise AssertionError("two encoders were accepted for one stream")
        except Refused as e:
            assert e.info["code"] == BAD_NAME and e.info["level"] == "error" and e.info["description"], e
        c.wait_closed(3)
    probe.wait_frames(len(probe.frames()) + 40)
    assert not first.ended and not probe.missing(first.sent)


def test_blip_within_the_grace_is_a_pause(t):
    """An encoder that comes back within reconnect_grace is only a pause: no status, time goes on rising."""
    s = t.server("srs", top.local(publish="reconnect_grace 8;"))
    first = t.publish(s.url("live/x"), mark=True)
    player = t.probe(s.url("live/x")).wait_frames(30)
    viewer = t.probe(s.flv("live/x")).wait_frames(30)
    first.stop(clean=False)
    s.wait_ended("x")
    back = time.monotonic()
    t.publish(s.url("live/x"), mark=True)
    for p in (player, viewer):
        p.wait_frames(40, 5, after=back)
        assert not p.ended and UNPUBLISH not in p.codes and not p.backwards(), (str(p), p.backwards()[:2])
    assert not [e for e in player.events if e[1] == rtmp.STREAM_EOF]


def test_clean_unpublish_is_answered(t):
    """FCUnpublish is answered with Unpublish.Success, and the stream can be published again on the connection."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    c.connect()
    c.publish()
    c.ask("FCUnpublish", None, "x")
    c.wait_status("NetStream.Unpublish.Success")
    c.publish()


def test_end_of_the_stream_is_told(t):
    """After reconnect_grace players hear UnpublishNotify and StreamEOF; over HTTP the body ends as it should."""
    s = t.server("srs", top.local(publish="reconnect_grace 1;"))
    publisher = t.publish(s.url("live/x"))
    player = t.probe(s.url("live/x")).wait_frames(20)
    viewer = t.probe(s.flv("live/x")).wait_frames(20)
    gone = time.monotonic()
    publisher.stop()
    player.wait_code(UNPUBLISH, 10)
    assert time.monotonic() - gone >= 0.95, "told before the grace was over"
    player.wait(lambda p: any(e[1] == rtmp.STREAM_EOF for e in p.events), 2, "StreamEOF")
    viewer.wait_ended(4)
    assert viewer.clean, viewer.ended


def test_ffmpeg_publishes(t):
    """ffmpeg publishes and what is played is the file, bit for bit."""
    s = t.server("srs", top.local())
    media = t.media()
    t.ffmpeg(media, s.url("live/x"))
    s.wait_live("x")
    probe = t.probe(s.url("live/x")).wait_frames(80)
    flv.assert_same(flv.read_file(media), list(probe.messages), by_type=True, least=60)


def test_flow_of_flash(t):
    """Flash: createStream and publish, answered with Publish.Start alone."""
    c, s = flow(t, "flash")
    assert not [x for x in commands(c) if x.name == "onFCPublish"]
    assert s.clients()[0]["type"] == "flash-publish", s.clients()


def test_flow_of_fmle(t):
    """FMLE (ffmpeg, OBS): releaseStream and FCPublish have their results, onFCPublish comes before Publish.Start."""
    c, s = flow(t, "fmle")
    names = [x.name for x in commands(c)]
    assert names.count("_result") >= 2 and "onFCPublish" in names, names
    assert [x for x in commands(c) if x.name == "onFCPublish"][0].info["code"] == START
    assert s.clients()[0]["type"] == "fmle-publish", s.clients()


def test_flow_of_haivision(t):
    """Haivision: FCPublish after createStream is answered, onFCPublish comes before Publish.Start."""
    c, s = flow(t, "haivision")
    assert "onFCPublish" in [x.name for x in commands(c)], commands(c)
    assert s.clients()[0]["type"] == "haivision-publish", s.clients()


def test_gstreamer_publishes(t):
    """GStreamer's rtmp2sink publishes."""
    t.need("gst-launch-1.0")
    s = t.server("srs", top.local())
    t.spawn(["gst-launch-1.0", "-e", "filesrc", "location=" + t.media(), "!", "flvdemux", "name=d", "d.video", "!",
             "h264parse", "!", "video/x-h264,stream-format=avc", "!", "identity", "sync=true", "!", "flvmux",
             "streamable=true", "!", "rtmp2sink", "location=" + s.url("live/x")], "gst")
    process = t.things[-1]
    wait_for(lambda: s.stream("x") or not process.alive, 10, "GStreamer's publish")
    if "no element" in process.output():
        raise Skip("GStreamer lacks rtmp2sink or a parser: " + process.output().splitlines()[-1])
    t.probe(s.url("live/x")).wait_frames(30, 8)


def test_half_open_publisher_is_taken_over(t):
    """An encoder that reconnects while its old connection is half-open gets its stream back within seconds."""
    s = t.server("srs", top.local())
    old = t.publish(s.url("live/x"), mark=True, pongs=False)
    probe = t.probe(s.url("live/x")).wait_frames(20)
    old.freeze()
    began = time.monotonic()

    def again():
        try:
            return t.publish(s.url("live/x"), timeout=6)
        except (Refused, rtmp.Closed):
            return None
    wait_for(again, 6, "the takeover", every=0.3)
    assert time.monotonic() - began < 6 * SCALE
    probe.wait_frames(30, after=time.monotonic())
    assert not probe.backwards()


def test_encoder_that_comes_back_at_once_takes_over(t):
    """An encoder that reconnects at once, its old connection half-open, is not refused, and waits for less than 2 s."""
    s = t.server("srs", top.local())
    old = t.publish(s.url("live/x"), mark=True, pongs=False)
    old.wait_sent(20)
    old.freeze()
    began = time.monotonic()
    t.publish(s.url("live/x"), timeout=6)
    assert time.monotonic() - began < 2 * SCALE, time.monotonic() - began


def test_silent_publisher_that_answers_keeps_its_stream(t):
    """A publisher that sends nothing but answers pings is not taken over."""
    s = t.server("srs", top.local())
    quiet = t.client(s.url("live/x"))
    quiet.connect()
    quiet.publish()
    # Time is the subject: long enough to be suspected of being gone.
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        try:
            quiet.read(0.2)
        except rtmp.Timeout:
            pass
    c = t.client(s.url("live/x"), timeout=6)
    c.connect()
    c.publish(wait=False)
    deadline = time.monotonic() + 6 * SCALE
    while time.monotonic() < deadline:
        try:
            quiet.read(0.05)
        except rtmp.Timeout:
            pass
        try:
            m = c.read(0.05)
        except rtmp.Timeout:
            continue
        if m.type == rtmp.COMMAND and Command(m).name == "onStatus":
            assert Command(m).code == BAD_NAME, Command(m)
            return
    raise AssertionError("the second encoder heard nothing")


def test_kickoff_for_idle_counts_viewers_of_edges(t):
    """A publisher whose only viewers are at an edge stays until they have left; the publisher of an edge is judged by the origin."""
    idle = "kickoff_for_idle 1;"
    s = t.server("srs", top.local(publish=idle))
    edge = top.start_edge(t, s, more=f"linger 0; }} publish {{ {idle} ", http=False)
    watched = t.publish(s.url("live/x"), mark=True)
    behind = t.publish(edge.url("live/y"), mark=True)
    probes = [t.probe(url) for url in (edge.url("live/x"), s.url("live/y"))]
    for p in probes:
        p.wait(lambda p: p.frames() and p.messages[-1].at > p.started_at + 3, 6, "three seconds of the stream")
    assert not watched.ended and not behind.ended, (watched.ended, behind.ended)
    probes[0].stop()
    wait_for(lambda: watched.ended, 5, "the end of a publisher that nobody watches")
    s.wait_log("nobody plays the stream")
    assert not behind.ended, behind.ended


def test_notify_unpublish_off_keeps_players_waiting(t):
    """With notify_unpublish off players are told nothing and go on with the next encoder."""
    s = t.server("srs", top.local(play="notify_unpublish off;", publish="reconnect_grace 0;"))
    first = t.publish(s.url("live/x"), mark=True)
    probe = t.probe(s.url("live/x")).wait_frames(20)
    first.stop()
    s.wait_ended("x")
    back = time.monotonic()
    t.publish(s.url("live/x"), mark=True)
    probe.wait_frames(30, 5, after=back)
    assert UNPUBLISH not in probe.codes and not probe.ended


def test_rejected_app(t):
    """connect without a tcUrl is refused with a status and a sentence, not by a bare close."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    try:
        c.connect(tcUrl=None, app=None)
        raise AssertionError("a connect without tcUrl was accepted")
    except Refused as e:
        assert e.info["code"].startswith("NetConnection.Connect."), e
        assert e.info["description"], e
    c.wait_closed(3)


def test_time_runs_over_the_extended_mark(t):
    """Timestamps that pass 0xFFFFFF (extended) arrive with their distances unchanged."""
    s = t.server("srs", top.local())
    publisher = t.publish(s.url("live/x"), start_ts=0xFFFFFF - 1500)
    player, viewer = t.probe(s.url("live/x")), t.probe(s.flv("live/x"))
    for p in (player, viewer):
        p.wait_frames(200, 10)
        flv.assert_same(publisher.sent, list(p.messages), least=150)
    assert publisher.sent[-1].ts > 0xFFFFFF


def test_types_of_chunks_and_sizes(t):
    """Encoders that use chunk types 1 to 3 and odd chunk sizes are understood."""
    s = t.server("srs", top.local())
    for n, (fmt, size) in enumerate(((1, 128), (0, 1), (1, 16_777_215), (0, 4097))):
        publisher = t.publish(s.url(f"live/s{n}"), fmt=fmt, chunk_size=size)
        probe = t.probe(s.url(f"live/s{n}")).wait_frames(30, 5)
        flv.assert_same(publisher.sent, list(probe.messages), least=10)
        publisher.stop()


def test_vlc_publishes(t):
    """VLC publishes over RTMP."""
    t.need("cvlc")
    s = t.server("srs", top.local())
    sout = "#std{access=avio,mux=ffmpeg{mux=flv},dst=" + s.url("live/x") + "}"
    command = ["cvlc", "-I", "dummy", "--sout", sout, "/dev/fd/0", "vlc://quit"]
    if os.geteuid() == 0:       # VLC refuses to be root
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/tmp", *command]
    with open(t.media(), "rb") as media:
        vlc = t.keep(Process(command, t.path("vlc.log"), stdin=media))
    p = t.probe(s.url("live/x"), timeout=10).wait_frames(30, 15)
    assert vlc.alive and {m.type for m in p.frames()} == {rtmp.AUDIO, rtmp.VIDEO}
