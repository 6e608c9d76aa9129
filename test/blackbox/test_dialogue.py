"""Commands of encoders and players beside the usual ones: what they end, what they change, what is ignored."""
import struct

import topology as top
from support import amf, rtmp
from support.rtmp import Command, Message

START = "NetStream.Publish.Start"
AUDIO = b"\xaf\x01"


def raw(c, body, type=rtmp.COMMAND, sid=0):
    c.send(Message(type, 0, sid, body, 3))


class Pair:
    """An encoder that publishes by its own dialogue, and a player of its stream."""

    def __init__(self, t, flow="flash"):
        self.t, self.s = t, t.server("srs", top.local())
        self.encoder = t.client(self.s.url("live/x"))
        self.encoder.connect()
        self.encoder.publish(flow=flow)
        self.player = t.client(self.s.url("live/x"))
        self.player.connect()
        self.player.play()
        self.player.wait_status("NetStream.Play.Start")
        self.n = 0

    def goes_on(self, what, player=None):
        """The player gets what the encoder sends now."""
        self.n += 1
        mark = AUDIO + b"mark %d" % self.n
        self.encoder.send(Message(rtmp.AUDIO, 40 * self.n, self.encoder.sid, mark))
        got = (player or self.player).wait(lambda m: m.payload == mark or m.type == rtmp.COMMAND)
        assert got.payload == mark, f"{what}: the player got {got}"


def test_commands_that_cannot_be_read_are_ignored(t):
    """Cut off, without a transaction, with AMF3 or a reference in it, empty, data as a command: media goes on,
    and the log says it once."""
    p = Pair(t)
    deep = b"\x03\x00\x01k" * 200
    bodies = {
        "AMF3 in it": amf.encode("_call", 9, None) + b"\x11\x0a\x0b\x01",
        "no transaction": amf.encode("_checkbw"),
        "null as transaction": amf.encode("_checkbw", None),
        "cut off": amf.encode("deleteStream", 9, None, 1)[:-4],
        "a reference": amf.encode("deleteStream", 9, None) + b"\x07\x00\x01",
        "empty": b"",
        "data": amf.encode("@setDataFrame", "onMetaData", {"width": 640}),
        "nested": amf.encode("x", 9) + deep,
        "rubbish": b"\xff" * 40,
    }
    for what, body in bodies.items():
        for type, front in ((rtmp.COMMAND, b""), (17, b"\0")):
            raw(p.encoder, front + body, type)
            raw(p.player, front + body, type)
        p.goes_on(what)
    p.encoder.close()
    assert p.s.log().count("ignored: ") == 2, p.s.log()


def test_only_its_own_stream_ends_a_publisher(t):
    """_checkbw, _result, a second createStream, deleteStream and closeStream of another stream, FCUnpublish of
    another name: answered or not, the stream goes on."""
    p = Pair(t)
    c = p.encoder
    c.call("_checkbw", None)
    p.goes_on("_checkbw")
    c.command("_result", 0, None, 0)
    p.goes_on("_result")
    c.call("FCPublish", None, "x")
    p.goes_on("FCPublish")
    other = int(c.call("createStream", None).args[0])
    assert other != c.sid, (other, c.sid)
    p.goes_on("createStream")
    c.command("deleteStream", 0, None, other)
    c.command("deleteStream", 0, None, 99)
    p.goes_on("deleteStream of another stream")
    other = int(c.call("createStream", None).args[0])
    c.command("closeStream", 0, None, sid=other)
    c.command("publish", 0, None, False, sid=other)
    p.goes_on("closeStream on another stream")
    c.call("FCUnpublish", None, "another")
    p.goes_on("FCUnpublish of another name")


def test_a_second_stream_on_a_connection_is_refused(t):
    """publish and play on another message stream are answered by a status there; the first goes on."""
    p = Pair(t)
    c = p.encoder
    other = int(c.call("createStream", None).args[0])
    c.command("publish", 7, None, "y", "live", sid=other)
    answer = c.wait(lambda m: m.type == rtmp.COMMAND and Command(m).code)
    assert Command(answer).code == "NetStream.Publish.BadName" and answer.sid == other, answer
    c.command("play", 8, None, "y", sid=other)
    assert c.wait_status().code == "NetStream.Play.Failed"
    p.goes_on("both were refused")


def test_publish_false_ends_a_stream(t):
    """publish(false) ends the stream; the publish behind it, of the same or another name, is answered."""
    p = Pair(t)
    c = p.encoder
    c.command("publish", 0, None, False, sid=c.sid)
    c.wait_status("NetStream.Unpublish.Success")
    c.publish("x", flow="flash")
    p.goes_on("the same name")
    c.command("publish", 0, None, "y", "live", sid=c.sid)
    c.wait_status(START)
    player = t.client(p.s.url("live/y"))
    player.connect()
    player.play()
    player.wait_status("NetStream.Play.Start")
    p.goes_on("another name", player)


def test_create_stream_is_answered_whatever_its_transaction(t):
    """Transaction 0, too: encoders that number from there wait for the id."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    c.connect()
    c.command("createStream", 0, None)
    answer = c.wait_command(lambda x: x.name == "_result")
    assert answer.tid == 0 and answer.args[0] == 1, answer


def test_many_chunk_streams_and_much_data_before_publish(t):
    """A hundred chunk stream ids, and a data message of 70 KB before publish: neither ends a connection."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    c.connect()
    c.create_stream()
    c.data("@setDataFrame", "onMetaData", {"cue": "x" * 70000}, sid=c.sid)
    for csid in range(3, 103):
        c.send(Message(rtmp.AUDIO, 0, c.sid, AUDIO, csid))
    c.publish()
    for csid in range(103, 603):
        c.send(Message(rtmp.AUDIO, 0, c.sid, AUDIO, csid))
    c.call("_checkbw", None)


def test_connect_without_the_end_of_its_object(t):
    """The three bytes that end the command object are missing: it is a connect all the same."""
    s = t.server("srs", top.local())
    c = t.client(s.url("live/x"))
    body = amf.encode("connect", 1, {"app": "live", "tcUrl": f"rtmp://{c.url.netloc}/live"})
    assert body.endswith(b"\0\0\x09")
    raw(c, body[:-3])
    answer = c.wait_command(lambda x: x.tid == 1)
    assert answer.name == "_result", answer


def test_a_player_switches_and_keeps_its_connection(t):
    """play of another name on the same stream goes there; the boolean behind the start is no duration."""
    p = Pair(t)
    c = p.player
    c.command("play", 0, None, "nothing-there", -2000, True, sid=c.sid, csid=8)
    c.wait_status("NetStream.Play.Start", "NetStream.Play.StreamNotFound")
    c.command("play", 0, None, "x", -2000, True, sid=c.sid, csid=8)
    c.wait_status("NetStream.Play.Start")
    c.command("seek", 0, None, 1000, sid=c.sid)
    assert c.wait_status().code == "NetStream.Seek.Failed"
    p.goes_on("back again")


def test_a_duration_ends_the_playing_alone(t):
    """When the duration that a play asked for is over the player is told so; its connection plays again."""
    p = Pair(t)
    c = p.player
    c.command("play", 0, None, "x", -2000, 400, sid=c.sid, csid=8)
    c.wait_status("NetStream.Play.Start")
    for n in range(20):
        p.encoder.send(Message(rtmp.AUDIO, 1000 + 40 * n, p.encoder.sid, AUDIO + b"x"))
    c.wait_status("NetStream.Play.Stop", "NetStream.Play.Complete")
    c.command("play", 0, None, "x", sid=c.sid, csid=8)
    c.wait_status("NetStream.Play.Start")
    p.n = 100
    p.goes_on("a second play")


def test_set_chunk_size_of_nothing_ends_the_connection(t):
    """Broken chunks do end a connection: the bytes behind them mean nothing any more."""
    p = Pair(t)
    p.encoder.send(Message(rtmp.SET_CHUNK_SIZE, 0, 0, struct.pack(">I", 0), 2))
    p.encoder.wait_closed()
