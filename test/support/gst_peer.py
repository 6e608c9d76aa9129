"""A WebRTC client by GStreamer's webrtcbin: publishes a test picture and a tone, or plays and counts what it decodes. Writes
lines of JSON as aiortc_peer.py does.

    gst_peer.py publish URL | gst_peer.py play URL

`gst_peer.py check` says by its status whether all that it needs is there."""
import json
import signal
import sys
import urllib.parse
import urllib.request

sys.path.pop(0)  # a module beside this file is called as one that others need

import gi  # noqa: E402
for name in ("Gst", "GstSdp", "GstWebRTC"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)
NEEDED = ("webrtcbin", "nicesink", "dtlssrtpenc", "srtpenc", "x264enc", "opusenc", "rtph264pay", "rtpopuspay", "decodebin", "opusdec")
PUBLISH = """
webrtcbin name=rtc bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! videoconvert !
    x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 ! video/x-h264,profile=constrained-baseline !
    rtph264pay config-interval=-1 aggregate-mode=zero-latency ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! rtc.
audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay !
    application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! rtc.
"""
CAPS = {
    "video": "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,packetization-mode=(string)1,"
             "profile-level-id=(string)42e01f,rtcp-fb-nack-pli=(boolean)true",
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2",
}


class Peer:
    def __init__(self, kind, url):
        self.kind, self.url, self.location = kind, url, None
        self.counts, self.kept = {"audio": 0, "video": 0}, []
        self.pipeline = Gst.parse_launch(PUBLISH if kind == "publish" else "webrtcbin name=rtc bundle-policy=max-bundle")
        self.pipeline = self.pipeline if isinstance(self.pipeline, Gst.Pipeline) else self.alone(self.pipeline)
        self.rtc = self.pipeline.get_by_name("rtc")
        self.rtc.connect("on-negotiation-needed", lambda _: self.offer())
        self.rtc.connect("notify::ice-gathering-state", lambda *_: self.gathered())
        self.rtc.connect("pad-added", self.take_pad)
        if kind == "play":
            for caps in CAPS.values():
                self.rtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.pipeline.set_state(Gst.State.PLAYING)

    @staticmethod
    def alone(element):
        pipeline = Gst.Pipeline()
        pipeline.add(element)
        return pipeline

    def offer(self):
        def made(promise, *_):
            promise.wait()
            reply = promise.get_reply()
            self.kept.append(reply)
            offer = reply.get_value("offer")
            self.rtc.emit("set-local-description", offer, Gst.Promise.new())
        self.rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(made))

    def gathered(self):
        if self.rtc.props.ice_gathering_state == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.location:
            self.location = "asked"
            GLib.idle_add(self.ask)

    def ask(self):
        sdp = self.rtc.props.local_description.sdp.as_text()
        request = urllib.request.Request(self.url, sdp.encode(), {"Content-Type": "application/sdp"}, method="POST")
        with urllib.request.urlopen(request, timeout=8) as answer:
            self.location = urllib.parse.urljoin(self.url, answer.headers["Location"])
            text = answer.read()
        _, message = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(text, message)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.rtc.emit("set-remote-description", answer, Gst.Promise.new())
        return False

    def take_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("pad-added", self.count)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def count(self, _, pad):
        kind = pad.get_current_caps().get_structure(0).get_name().partition("/")[0]
        sink = Gst.ElementFactory.make("fakesink")
        sink.props.signal_handoffs, sink.props.sync = True, False
        sink.connect("handoff", lambda *_: self.counts.update({kind: self.counts[kind] + 1}))
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def report(self):
        state = self.rtc.props.connection_state.value_nick
        print(json.dumps({"peers": [{"kind": self.kind, "state": state, **self.counts}]}), flush=True)
        return True

    def stop(self):
        try:
            urllib.request.urlopen(urllib.request.Request(self.location, method="DELETE"), timeout=5).close()
        except (OSError, ValueError, TypeError):
            pass
        self.pipeline.set_state(Gst.State.NULL)


def main(kind, url=None):
    if kind == "check":
        return 0 if all(Gst.ElementFactory.find(name) for name in NEEDED) else 1
    loop, peer = GLib.MainLoop(), Peer(kind, url)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    GLib.timeout_add(500, peer.report)
    loop.run()
    peer.stop()
    return 0


sys.exit(main(*sys.argv[1:]))
