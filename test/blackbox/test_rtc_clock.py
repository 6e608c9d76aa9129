"""How old pictures are when they are seen: a page shows a clock, publishes what it shows, and reads it where it is played."""
import statistics

from support.case import alone
from support.server import wait_for
from test_rtc_browser import edge_of, page_of, start, whep, whip

BROWSER = True

HOP_MS = 30     # that a server may add
WINDOWS = 4     # in one of which a busy machine has to be calm
PICTURES = 60   # of a window

# Sixteen fields, black or white, are the milliseconds of the page's clock; pictures are 30 a second.
BEGIN = """
const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 240}), pen = canvas.getContext('2d');
document.body.append(canvas);
setInterval(() => {
    const now = Math.round(performance.now()) & 0xffff;
    for (let i = 0; i < 16; i++) {
        pen.fillStyle = now >> i & 1 ? '#fff' : '#000';
        pen.fillRect(i % 4 * 80, (i >> 2) * 60, 80, 60);
    }
}, 33);
window.track = canvas.captureStream(30).getVideoTracks()[0];
window.seen = {};
window.offer = async (pc) => {
    for (const t of pc.getTransceivers())
        t.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter(c => /H264|rtx/.test(c.mimeType)));
    await pc.setLocalDescription(await pc.createOffer());
};
window.ask = async (pc, url) => {
    await offer(pc);
    const r = await fetch(url, {method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
    if (r.status != 201) throw new Error(r.status + ' ' + await r.text());
    await pc.setRemoteDescription({type: 'answer', sdp: await r.text()});
};
window.watch = (name, pc) => {
    const video = document.createElement('video'), small = new OffscreenCanvas(4, 4), eye = small.getContext('2d', {willReadFrequently: true});
    seen[name] = {};
    video.autoplay = video.muted = true;
    document.body.append(video);
    pc.ontrack = e => { video.srcObject = new MediaStream([e.track]); };
    const look = now => {
        for (let i = 0; i < 16; i++)
            eye.drawImage(video, i % 4 * 80 + 30, (i >> 2) * 60 + 20, 20, 20, i % 4, i >> 2, 1, 1);
        const at = eye.getImageData(0, 0, 4, 4).data;
        let clock = 0;
        for (let i = 0; i < 16; i++)
            clock |= (at[i * 4] > 127) << i;
        seen[name][clock] ??= (Math.round(now) - clock) & 0xffff;
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
};
"""

# From one connection of the page to the other, without a server.
DIRECT = """
const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
from.onicecandidate = e => to.addIceCandidate(e.candidate);
to.onicecandidate = e => from.addIceCandidate(e.candidate);
watch('direct', to);
from.addTransceiver(track, {direction: 'sendonly'});
await offer(from);
await to.setRemoteDescription(from.localDescription);
await to.setLocalDescription(await to.createAnswer());
await from.setRemoteDescription(to.localDescription);
"""

PUBLISH = """
const pc = window.publisher = new RTCPeerConnection();
pc.addTransceiver(track, {direction: 'sendonly'});
await ask(pc, arguments[0]);
"""

PLAY = """
const pc = new RTCPeerConnection();
watch(arguments[0], pc);
pc.addTransceiver('video', {direction: 'recvonly'});
await ask(pc, arguments[1]);
"""

TAKE = "const was = window.seen; window.seen = Object.fromEntries(Object.keys(was).map(k => [k, {}])); return was"


def window_of(page, names):
    """Of each picture that all have shown, how old it was at each: [{name: ms}]."""
    page.run(TAKE)
    wait_for(lambda: min(page.run("return Object.values(seen).map(x => Object.keys(x).length)")) >= PICTURES, 20, f"{PICTURES} pictures")
    seen = page.run(TAKE)
    clocks = set.intersection(*(set(seen[name]) for name in names))
    return [{name: seen[name][clock] for name in names} for clock in clocks]


@alone
def test_a_clock_in_the_picture(t):
    """A clock that a page publishes is seen at the origin, an edge and an edge of that at most 30 ms later a hop than by a
    connection from browser to browser."""
    origin = start(t, name="origin")
    edge = edge_of(t, origin, "edge")
    outer = edge_of(t, edge, "outer")
    page = page_of(t, origin)
    page.run(BEGIN)
    page.run_async(DIRECT)
    page.run_async(PUBLISH, whip(origin))
    wait_for(lambda: (origin.stream("a") or {}).get("video"), 10, "the pictures of the page")
    for server in (origin, edge, outer):
        page.run_async(PLAY, server.name, whep(server))
    names = ["direct", "origin", "edge", "outer"]
    wait_for(lambda: min(page.run("return Object.values(seen).map(x => Object.keys(x).length)")) > 15, 20, "pictures at all")
    hops = []
    while not hops or max(hops[-1]) > HOP_MS and len(hops) < WINDOWS:
        pictures = window_of(page, names)
        hops.append([statistics.median(p[later] - p[sooner] for p in pictures) for sooner, later in zip(names, names[1:])])
        ages = {name: statistics.median(p[name] for p in pictures) for name in names}
    assert max(hops[-1]) <= HOP_MS, hops
    print(f"      age of a picture when it is seen, median: {ages} ms; of the same picture a hop later: {hops[-1]} ms more")
