"""A WebRTC client for cases: publishes files and plays streams, and writes twice a second a line of JSON about them.

    aiortc_peer.py [publish URL FILE | play URL]...

Ends by SIGTERM: with DELETE, as WHIP and WHEP have it."""
import asyncio
import json
import signal
import sys
import urllib.parse
import urllib.request

sys.path.pop(0)  # a module beside this file is called as one that aiortc needs

from aiortc import RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.contrib.media import MediaPlayer

LOUD = 300  # of 32767: somebody can be heard


def post(url, sdp):
    request = urllib.request.Request(url, data=sdp.encode(), headers={"Content-Type": "application/sdp"}, method="POST")
    with urllib.request.urlopen(request, timeout=8) as answer:
        return urllib.parse.urljoin(answer.geturl(), answer.headers["Location"]), answer.read().decode()


def delete(url):
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=5).close()
    except OSError:
        pass


class Peer:
    def __init__(self, kind, url, path=None):
        self.kind, self.url, self.path = kind, url, path
        self.pc = RTCPeerConnection()
        self.counts = {"audio": 0, "video": 0, "loud": 0}
        self.tasks = []

    async def start(self):
        if self.kind == "publish":
            self.media = MediaPlayer(self.path, loop=True)
            for track in (self.media.audio, self.media.video):
                if track:
                    self.pc.addTrack(track)
        else:
            for kind in ("audio", "video"):
                self.pc.addTransceiver(kind, direction="recvonly")
            self.pc.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.eat(track))))
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.location, answer = await asyncio.to_thread(post, self.url, self.pc.localDescription.sdp)
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def eat(self, track):
        while True:
            try:
                frame = await track.recv()
            except Exception:      # pylint: disable=broad-except
                return
            self.counts[track.kind] += 1
            if track.kind == "audio" and abs(frame.to_ndarray()).max() > LOUD:
                self.counts["loud"] += 1

    def report(self):
        return {"kind": self.kind, "state": self.pc.connectionState, **self.counts}

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

asyncio.run(main(sys.argv[1:]))
