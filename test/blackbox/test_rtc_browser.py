"""WebRTC in Chromium: a page publishes with fake devices and plays, over origins, edges, UDP and TCP."""
import os

import topology as top
from support import rtc
from support.case import alone, calm, once
from support.lossy import Lossy
from support.server import wait_for
from test_rtc_media import media_file, session, start_behind

BROWSER = True

PUBLISH = """
const [url, mode, codec] = arguments;
const pc = window.publisher = new RTCPeerConnection();
const media = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 240}});
for (const t of media.getTracks()) {
    const video = pc.addTransceiver(t, {direction: 'sendonly', ...(mode && t.kind == 'video' ? {sendEncodings: [{scalabilityMode: mode}]} : {})});
    if (mode && t.kind == 'video')
        video.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter(c => c.mimeType == 'video/' + codec));
}
await pc.setLocalDescription(await pc.createOffer());
const r = await fetch(url, {method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
const answer = await r.text();
if (r.status != 201) throw new Error(r.status + ' ' + answer);
window.location_ = new URL(r.headers.get('Location'), url).href;
await pc.setRemoteDescription({type: 'answer', sdp: answer});
return window.location_;
"""

PLAY = """
const [name, url] = arguments;
const pc = new RTCPeerConnection(), video = document.createElement('video'), media = new MediaStream();
window.players = {...window.players, [name]: pc};
video.autoplay = video.muted = true;
document.body.append(video);
pc.ontrack = e => { media.addTrack(e.track); video.srcObject = media; };
pc.addTransceiver('audio', {direction: 'recvonly'});
pc.addTransceiver('video', {direction: 'recvonly'});
await pc.setLocalDescription(await pc.createOffer());
const r = await fetch(url, {method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
const answer = await r.text();
if (r.status != 201) throw new Error(r.status + ' ' + answer);
const connected = new Promise(done => pc.onconnectionstatechange = () => pc.connectionState == 'connected' && done(performance.now()));
const shown = new Promise(done => video.requestVideoFrameCallback(() => done(performance.now())));
await pc.setRemoteDescription({type: 'answer', sdp: answer});
const times = await Promise.all([connected, shown]);
return {first: times[1] - times[0], location: r.headers.get('Location')};
"""

STATS = """
const pc = window.players[arguments[0]], out = {state: pc.connectionState};
(await pc.getStats()).forEach(s => {
    if (s.type == 'inbound-rtp')
        out[s.kind] = {packets: s.packetsReceived, decoded: s.framesDecoded || 0, samples: s.totalSamplesReceived || 0,
                       freezes: s.freezeCount || 0, width: s.frameWidth || 0, pli: s.pliCount || 0};
    if (s.type == 'transport')
        out.cipher = s.srtpCipher;
    if (s.type == 'candidate-pair' && s.nominated)
        out.protocol = s.localCandidateId;
});
return out;
"""


def start(t, more="", server="", name="srs", **kw):
    return t.server(name, top.conf(rtc.VHOST % more, top=rtc.SERVER % server), **kw)


def page_of(t, server):
    """An empty page of that server, whose policy allows what the cases do."""
    with open(os.path.join(server.folder, "objs", "nginx", "html", "empty.html"), "w") as f:
        f.write("<html><body></body></html>")
    page = t.browser()
    page.open(server.web("/empty.html"))
    return page


def whip(server, stream="a"):
    return server.api_url(f"/rtc/v1/whip/?app=live&stream={stream}")


def whep(server, stream="a"):
    return server.web(f"/rtc/v1/whep/?app=live&stream={stream}")


def wait_playing(page, name, frames=30, seconds=20):
    """Until so many more pictures, and sound for as long, have come to that player of the page."""
    def enough():
        found = page.run_async(STATS, name)
        return found.get("video", {}).get("decoded", 0) >= frames and found.get("audio", {}).get("samples", 0) > 24000 and found
    return wait_for(enough, seconds, f"{frames} pictures and sound of {name}", every=0.2)


def edge_of(t, upstream, name):
    return start(t, f"}} cluster {{ mode remote; origin 127.0.0.1:{upstream.rtmp}; ", name=name)


def test_chromium_publishes_and_plays(t):
    """A page publishes with fake devices; players see and hear it at the origin, at an edge and at an edge of that edge."""
    origin = start(t, name="origin")
    edge = edge_of(t, origin, "edge")
    outer = edge_of(t, edge, "outer")
    page = page_of(t, origin)
    page.run_async(PUBLISH, whip(origin))
    wait_for(lambda: (origin.stream("a") or {}).get("video"), 10, "the pictures of the page")
    for server in (origin, edge, outer):
        began = page.run_async(PLAY, server.name, whep(server))
        assert began["first"] < 3000, began
        found = wait_playing(page, server.name)
        assert found["cipher"] == "AEAD_AES_128_GCM" or "GCM" in found["cipher"], found
    kinds = {s["type"]: s for s in rtc.api(origin)["sessions"]}
    assert kinds["rtc-publish"]["path"]["transport"] == "udp" and kinds["rtc-play"]["send_packets"] > 30, kinds
    page.run("window.publisher.close(); Object.values(window.players).forEach(p => p.close())")
    for server in (origin, edge, outer):
        rtc.wait_sessions(server, 0, 5)
    assert {e["why"] for e in rtc.api(origin)["ended"]} == {"the peer has left"}, rtc.api(origin)["ended"]


def publishes_and_plays(t, codec, mode):
    """A page publishes pictures of that codec and scalability mode, and sees them at the origin and at an edge."""
    origin = start(t, name="origin")
    edge = edge_of(t, origin, "edge")
    page = page_of(t, origin)
    page.run_async(PUBLISH, whip(origin), mode, codec)
    wait_for(lambda: (origin.stream("a") or {}).get("video"), 15, "the pictures of the page")
    assert origin.stream("a")["video"]["codec"] == codec, origin.stream("a")
    for server in (origin, edge):
        page.run_async(PLAY, server.name, whep(server))
        found = wait_playing(page, server.name)
        assert found["video"]["width"] == 320, found


@once("A browser's codecs are judged; other peers send the server the same packets.")
def test_vp9_in_chromium(t):
    """A page publishes VP9, and players see it at the origin and at an edge."""
    publishes_and_plays(t, "VP9", "L1T1")


@once("A browser's codecs are judged; other peers send the server the same packets.")
def test_vp9_of_two_layers_in_chromium(t):
    """A page publishes VP9 of two spatial and two temporal layers, and players see it at the origin and at an edge."""
    publishes_and_plays(t, "VP9", "L2T2")


@once("A browser's codecs are judged; other peers send the server the same packets.")
def test_av1_in_chromium(t):
    """A page publishes AV1, and players see it at the origin and at an edge."""
    publishes_and_plays(t, "AV1", "L1T1")


@once("What a browser makes of it is judged; other peers take the same ways in the server.")
@calm
def test_without_repeats_a_page_asks_for_key_frames(t):
    """nack off: what a page loses is not repeated; it asks for key frames, which a WebRTC publisher is asked for in turn."""
    line = t.keep(Lossy())
    s = start_behind(t, line, "nack off;")
    page = page_of(t, s)
    page.run_async(PUBLISH, whip(s) + f"&eip=127.0.0.1:{s.rtc}")
    wait_for(lambda: (s.stream("a") or {}).get("video"), 10, "the pictures of the page")
    page.run_async(PLAY, "lossy", whep(s))
    wait_playing(page, "lossy")
    played, published = session(s, "rtc-play")["sent"], session(s, "rtc-publish")["received"]

    def asked():
        line.lose_some(10)      # perhaps all of them sound, where pictures are rare: then more
        return session(s, "rtc-play")["sent"]["key_frames_asked"] > played["key_frames_asked"]
    wait_for(asked, 20, "a request of the player", every=0.5)
    wait_for(lambda: session(s, "rtc-publish")["received"]["key_frames_asked"] > published["key_frames_asked"], 5, "one to the page")
    decoded = page.run_async(STATS, "lossy")["video"]["decoded"]
    wait_playing(page, "lossy", decoded + 20)
    sent = session(s, "rtc-play")["sent"]
    assert sent["asked_again"] == 0 and sent["repeated"] == 0, sent


def test_chromium_publishes_to_an_edge(t):
    """A page that publishes to an edge is played at the edge and, by RTMP, at the origin that it is pushed to."""
    origin = start(t, name="origin")
    edge = edge_of(t, origin, "edge")
    page = page_of(t, edge)
    location = page.run_async(PUBLISH, whip(edge))
    page.run_async(PLAY, "edge", whep(edge))
    wait_playing(page, "edge")
    t.probe(origin.url("live/a")).wait_frames(20)
    assert page.run_async("return (await fetch(arguments[0], {method: 'DELETE'})).status", location) == 200
    wait_for(lambda: not (origin.stream("a") or {}).get("publish", {}).get("active"), 5, "the end at the origin")


def test_chromium_over_tcp(t):
    """Where peers are told only of the TCP port, a page publishes and plays over that."""
    s = start(t, server="protocol tcp; tcp { enabled on; listen 127.0.0.1:$tcp; }", values={"tcp": top.free_port()})
    page = page_of(t, s)
    page.run_async(PUBLISH, whip(s))
    wait_for(lambda: (s.stream("a") or {}).get("video"), 15, "the pictures of the page")
    page.run_async(PLAY, "tcp", whep(s))
    wait_playing(page, "tcp")
    assert [x["path"]["transport"] for x in rtc.api(s)["sessions"]] == ["tcp", "tcp"], rtc.api(s)["sessions"]


@once("What a browser makes of it is judged; other peers take the same ways in the server.")
@alone
def test_rtmp_in_chromium(t):
    """A stream by RTMP is seen and heard in Chromium; the first picture comes within 300 ms of the connection."""
    s = start(t)
    t.publish(s.url("live/a"), t.media(20, gop=2.0))
    wait_for(lambda: (s.stream("a") or {}).get("video"), 10, "the stream")
    page = page_of(t, s)
    firsts = [page.run_async(PLAY, f"p{i}", whep(s))["first"] for i in range(3)]
    assert sorted(firsts)[1] <= 300, firsts


def test_a_page_at_the_wrong_origin(t):
    """A page that asks an origin which lacks the stream gets the answer of the one that has it, and media from there; who
    is no page is sent there."""
    a = start(t, "} cluster { mode local; origin_cluster on; coworkers 127.0.0.1:$other; on_miss redirect; ",
              name="a", values={"other": top.free_port()})
    b = start(t, f"}} cluster {{ mode local; origin_cluster on; coworkers 127.0.0.1:{a.api}; on_miss redirect; ",
              name="b", values={"api": a.values["other"]})
    page = page_of(t, a)
    page.run_async(PUBLISH, whip(b))
    wait_for(lambda: (b.stream("a") or {}).get("video"), 10, "the stream")
    r = rtc.whep(a, "a")
    assert r.status == 307 and r.headers["location"] == b.web("/rtc/v1/whep/?app=live&stream=a"), (r.status, r.headers)
    began = page.run_async(PLAY, "there", whep(a))
    assert began["location"].startswith(b.web("/rtc/v1/whep/")), began
    wait_playing(page, "there")
    assert rtc.api(a)["rtc"]["sessions"] == 0 and rtc.api(b)["rtc"]["sessions"] == 2
    assert page.run_async("return (await fetch(arguments[0], {method: 'DELETE'})).status", began["location"]) == 200
    rtc.wait_sessions(b, 1)


OFFSET = """
const pc = window.players[arguments[0]], at = {};
(await pc.getStats()).forEach(s => { if (s.type == 'inbound-rtp') at[s.kind] = s.estimatedPlayoutTimestamp; });
return at.audio && at.video ? at.video - at.audio : null;
"""


@once("What a browser makes of it is judged; other peers take the same ways in the server.")
@alone
def test_an_encoder_by_rtmp_in_a_browser(t):
    """A page sees a stream of RTMP soon after it is connected, amid a GOP, and picture and sound together."""
    s = start(t)
    t.ffmpeg(media_file(t, gop=50), s.url("live/a"))
    wait_for(lambda: s.stream("a") and s.stream("a")["video"], 10, "the stream")
    page = t.browser()
    page.open(s.api_url("/"))
    firsts = []
    for name in ("one", "two", "three"):
        firsts.append(page.run(PLAY, name, s.api_url("/rtc/v1/whep/?app=live&stream=a"))["first"])
    assert min(firsts) < 300, firsts
    # A busy machine takes seconds to bring them together, and the measure is as coarse as a picture.
    wait_for(lambda: abs(page.run(OFFSET, "one") or 1000) < 100, 20, "picture and sound at one time")
    stats = page.run(STATS, "one")
    assert stats["video"]["decoded"] > 20 and stats["audio"]["samples"] > 24000, stats
