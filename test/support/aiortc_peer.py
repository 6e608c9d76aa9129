"""A WebRTC client for cases: publishes files and plays streams, and writes twice a second a line of JSON about them.

    aiortc_peer.py [publish URL FILE | play URL]...

A FILE of "flashes" is a black picture that is white for a fifth of each second, with a tone in the same moments. Of such a
stream a player reports how much later the tone is than the light, in milliseconds, by the sender's reports.
It knows H.264 by itself; a URL with codec=vp9 is offered VP9 alone, whose frames come from the file as they are. Ends by SIGTERM: with DELETE, as WHIP and WHEP have it."""
import asyncio
import fractions
import json
import signal
import sys
import time
import urllib.parse
import urllib.request

sys.path.pop(0)  # a module beside this file is called as one that aiortc needs

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc import codecs
from aiortc.codecs.h264 import H264Encoder
from aiortc.contrib.media import MediaPlayer
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpCodecCapability, RTCRtpCodecParameters
import av

LOUD = 300  # of 32767: somebody can be heard
BRIGHT = 128


PIECE = 1100
VP9 = RTCRtpCodecParameters(mimeType="video/VP9", clockRate=90000, payloadType=120, parameters={"profile-id": "0"},
                            rtcpFeedback=[RTCRtcpFeedback(type="nack"), RTCRtcpFeedback(type="nack", parameter="pli")])


class Vp9Encoder(codecs.Encoder):
    """Frames of a file, in pieces with a number of 15 bits (RFC 9628)."""

    def __init__(self):
        self.number = 0

    def encode(self, frame, force_keyframe=False):
        raise NotImplementedError

    def pack(self, packet):
        data, is_key, seconds = packet
        self.number = (self.number + 1) & 0x7FFF
        count = -(-len(data) // PIECE)
        head = 0x80 | (0 if is_key else 0x40)
        pieces = [bytes([head | (8 if i == 0 else 0) | (4 if i == count - 1 else 0), 0x80 | self.number >> 8,
                         self.number & 255]) + data[i * PIECE:(i + 1) * PIECE] for i in range(count)]
        return pieces, int(seconds * 90000)


class FileTrack(MediaStreamTrack):
    """Pictures of a file as they are, again and again: (bytes, whether it is a key frame, seconds)."""
    kind = "video"

    def __init__(self, path):
        super().__init__()
        with av.open(path) as container:
            packets = [p for p in container.demux(container.streams.video[0]) if p.size]
            self.pictures = [(bytes(p), p.is_keyframe, float(p.pts * p.time_base)) for p in packets]
        self.length = self.pictures[-1][2] + self.pictures[1][2] - 2 * self.pictures[0][2]
        self.began, self.sent = None, 0

    async def recv(self):
        now = asyncio.get_running_loop().time()
        self.began = self.began or now
        rounds, at = divmod(self.sent, len(self.pictures))
        data, is_key, seconds = self.pictures[at]
        seconds += rounds * self.length - self.pictures[0][2]
        self.sent += 1
        await asyncio.sleep(max(0.0, self.began + seconds - now))
        return data, is_key, seconds


class Vp9Decoder(codecs.Decoder):
    def __init__(self):
        self.codec = av.CodecContext.create("vp9", "r")

    def decode(self, encoded_frame):
        packet = av.Packet(encoded_frame.data)
        packet.pts = encoded_frame.timestamp
        try:
            return self.codec.decode(packet)
        except av.AVError:
            return []


def without_head(payload):
    """A payload of this server: a head of one byte."""
    assert not payload[0] & 0xB2, payload[0]
    return payload[1:]


# ---- light and tone in the same moments ----

class Flashes(MediaStreamTrack):
    """One kind of it; two that have the same beginning go together."""

    def __init__(self, kind, clock):
        self.kind = kind
        super().__init__()
        self.clock, self.number = clock, 0

    async def recv(self):
        now = asyncio.get_running_loop().time
        self.clock.setdefault("began", now() + 0.2)
        length = 0.02 if self.kind == "audio" else 0.04
        seconds, on = self.number * length, self.number * length % 1 < 0.2 - length / 2
        self.number += 1
        frame = self.sound(seconds, on) if self.kind == "audio" else self.picture(seconds, on)
        # Reports tie the beginning of a packet to when it is sent: for both kinds that is their time in the stream.
        await asyncio.sleep(max(0.0, self.clock["began"] + seconds - now()))
        return frame

    @staticmethod
    def picture(seconds, on):
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane, value in zip(frame.planes, (235 if on else 16, 128, 128)):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = round(seconds * 90000), fractions.Fraction(1, 90000)
        return frame

    @staticmethod
    def sound(seconds, on):
        frame = av.AudioFrame("s16", "stereo", 960)
        wave = [0x2000 if on and n // 24 % 2 else 0 for n in range(960)]
        frame.planes[0].update(b"".join(v.to_bytes(2, "little") * 2 for v in wave))
        frame.pts, frame.sample_rate, frame.time_base = round(seconds * 48000), 48000, fractions.Fraction(1, 48000)
        return frame


HALF_A_ROUND = 0.5      # seconds; there is a flash each second


class Offsets:
    """When light and tone begin, on the clock of the sender's reports."""
    rates = {"audio": 48000, "video": 90000}

    def __init__(self):
        self.reports, self.began, self.on = {}, {"audio": [], "video": []}, {"audio": True, "video": True}

    def note(self, kind, frame):
        values = frame.to_ndarray()
        if kind == "video":
            is_on, inside = values[:frame.height].mean() > BRIGHT, 0
        else:
            loud = abs(values.reshape(-1)) > LOUD * 5
            is_on, inside = bool(loud.any()), int(loud.argmax()) // len(frame.layout.channels)
        if is_on and not self.on[kind] and kind in self.reports:
            ntp, rtp = self.reports[kind]
            step = (frame.pts - rtp + 0x80000000) % 0x100000000 - 0x80000000
            self.began[kind].append(ntp + (step + inside) / self.rates[kind])
        self.on[kind] = is_on

    def milliseconds(self):
        """Light from before the first report on sound has no tone here."""
        tones = self.began["audio"]
        lights = [light for light in self.began["video"][:-1] if tones and light > tones[0] - HALF_A_ROUND]
        return [round(1000 * min((tone - light for tone in tones), key=abs), 1) for light in lights]


def learn_reports():
    """Sender reports are passed to the Offsets of their receiver, and pictures and sound keep the times of their packets."""
    import aiortc.rtcrtpreceiver as receiver
    usual = receiver.RTCRtpReceiver._handle_rtcp_packet

    async def handle(self, packet):
        info, offsets = getattr(packet, "sender_info", None), getattr(self.track, "offsets", None)
        if info and offsets:
            offsets.reports[self.track.kind] = (info.ntp_timestamp / (1 << 32), info.rtp_timestamp)
        await usual(self, packet)
    receiver.RTCRtpReceiver._handle_rtcp_packet = handle
    receiver.TimestampMapper.map = lambda _, timestamp: timestamp


def learn_vp9():
    import aiortc.rtcrtpreceiver as receiver
    import aiortc.rtcrtpsender as sender
    codecs.CODECS["video"].append(VP9)
    known = {name: getattr(codecs, name) for name in ("get_encoder", "get_decoder", "depayload")}
    sender.get_encoder = lambda c: Vp9Encoder() if c.name == "VP9" else known["get_encoder"](c)
    receiver.get_decoder = lambda c: Vp9Decoder() if c.name == "VP9" else known["get_decoder"](c)
    receiver.depayload = lambda c, p: without_head(p) if c.name == "VP9" else known["depayload"](c, p)


def post(url, sdp):
    request = urllib.request.Request(url, data=sdp.encode(), headers={"Content-Type": "application/sdp"}, method="POST")
    with urllib.request.urlopen(request, timeout=8) as answer:
        return urllib.parse.urljoin(answer.geturl(), answer.headers["Location"]), answer.read().decode()


def delete(url):
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=5).close()
    except OSError:
        pass


def encode_frame(self, frame, force_keyframe, encode=H264Encoder._encode_frame):
    """aiortc 1.4 hears requests for key frames and makes none: an encoder that begins does."""
    if force_keyframe:
        self.codec = None
    return encode(self, frame, force_keyframe)


H264Encoder._encode_frame = encode_frame


class Peer:
    def __init__(self, kind, url, path=None):
        self.kind, self.url, self.path = kind, url, path
        self.pc = RTCPeerConnection()
        self.counts = {"audio": 0, "video": 0, "loud": 0}
        self.last, self.pause = None, 0.0       # of pictures: when the last one came, and the longest time between two
        self.offsets = Offsets()
        self.tasks = []

    async def start(self):
        if self.kind == "publish":
            for track in self.tracks():
                if track:
                    self.pc.addTrack(track)
        else:
            for kind in ("audio", "video"):
                self.pc.addTransceiver(kind, direction="recvonly")
            self.pc.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.eat(track))))
        if "codec=vp9" in self.url:
            for transceiver in self.pc.getTransceivers():
                if transceiver.kind == "video":
                    transceiver.setCodecPreferences([RTCRtpCodecCapability(mimeType="video/VP9", clockRate=90000,
                                                                           parameters=VP9.parameters)])
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.location, answer = await asyncio.to_thread(post, self.url, self.pc.localDescription.sdp)
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def tracks(self):
        if self.path == "flashes":
            clock = {}
            return Flashes("audio", clock), Flashes("video", clock)
        self.media = MediaPlayer(self.path, loop=True)
        return self.media.audio, FileTrack(self.path) if "codec=vp9" in self.url else self.media.video

    async def eat(self, track):
        track.offsets = self.offsets
        while True:
            try:
                frame = await track.recv()
            except Exception:      # pylint: disable=broad-except
                return
            self.counts[track.kind] += 1
            if track.kind == "video":
                now = time.monotonic()
                self.pause, self.last = max(self.pause, now - (self.last or now)), now
            self.offsets.note(track.kind, frame)
            if track.kind == "audio" and abs(frame.to_ndarray()).max() > LOUD:
                self.counts["loud"] += 1

    def report(self):
        return {"kind": self.kind, "state": self.pc.connectionState, "pause": self.pause, **self.counts,
                "late_ms": self.offsets.milliseconds()}

    async def stop(self):
        await asyncio.to_thread(delete, self.location)
        await self.pc.close()


async def main(words):
    peers, over = [], asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    while words:
        kind = words.pop(0)
        peers.append(Peer(kind, words.pop(0), words.pop(0) if kind == "publish" else None))
        await peers[-1].start()
    while not over.is_set():
        print(json.dumps({"peers": [p.report() for p in peers]}), flush=True)
        try:
            await asyncio.wait_for(over.wait(), 0.5)
        except asyncio.TimeoutError:
            pass
    for peer in peers:
        await peer.stop()
    print("{\"over\": true}", flush=True)

learn_vp9()
learn_reports()
asyncio.run(main(sys.argv[1:]))
