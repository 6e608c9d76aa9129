"""Streams that go on to SRT listeners, which are called: vhost.forward with srt:// destinations."""
import os
import socket
import subprocess
import threading

import topology as top
from support import srt
from support.rtmp import VIDEO
from support.server import free_port, wait_for

ID = "streamid=#!::r=[app]/[stream],m=publish&latency=80"


def start(t, link, name="srs"):
    srt.need(t)
    return t.server(name, top.conf(srt.VHOST % "" + f'play {{ mw_latency 50; }} publish {{ reconnect_grace 0; }} forward {{ enabled on; destination "{link}"; }}',
                                   top=srt.SERVER % "peer_idle_timeout 1000; connect_timeout 300;"))


def state(server, want, seconds=10, stream="a"):
    def found():
        facts = ((server.stream(stream) or {}).get("forwards") or [{}])[0]
        return facts if facts.get("state") == want else None
    return wait_for(found, seconds, f"a destination that is {want}")


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def listen(t, port, out, by="srt-live-transmit", options=""):
    """A program that listens, and writes what comes."""
    link = f"srt://127.0.0.1:{port}?mode=listener{options}"
    command = {"srt-live-transmit": f"exec srt-live-transmit -q '{link}' file://con >{out}",
               "ffmpeg": f"exec ffmpeg -nostdin -v error -y -analyzeduration 500000 -probesize 100000 -i '{link}' -c copy -flush_packets 1 -f mpegts {out}"}[by]
    return t.spawn(["sh", "-c", command], f"{by}-{len(t.things)}")


def begins_at_a_key_frame(path):
    done = subprocess.run(["ffprobe", "-v", "quiet", "-select_streams", "v", "-show_entries", "packet=flags", "-of", "csv=p=0", path],
                          capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.startswith("K")


def comes_and_goes(t, by, options="", parameters=""):
    """A listener that comes after the stream, is killed, and comes back; the publisher and a player never notice."""
    port, first, second = free_port(), t.path("first.ts"), t.path("second.ts")
    s = start(t, f"srt://127.0.0.1:{port}?{ID}{parameters}")
    publisher = t.publish(s.url("live/a"), t.media(60))
    here = t.probe(s.url("live/a"))
    waiting = state(s, "waiting")
    assert waiting["reason"] and waiting["losses"] == 0, waiting
    assert waiting["url"] == f"srt://127.0.0.1:{port}", waiting      # neither stream ids nor passphrases are shown
    listener = listen(t, port, first, by, options)
    facts = state(s, "live")
    wait_for(lambda: size(first) > 20000, 10, "media at the listener")
    assert facts["losses"] == 0 and facts["attempts"] == 0, facts
    listener.kill9()
    lost = state(s, "waiting")
    assert lost["losses"] == 1 and lost["reason"], lost
    listen(t, port, second, by, options)
    assert state(s, "live", 15)["send_bytes"] > 20000
    wait_for(lambda: size(second) > 20000, 10, "media at the listener again")
    for path in (first, second):
        assert begins_at_a_key_frame(path), path
    ats = [m.at for m in here.messages if m.type == VIDEO]
    assert not publisher.ended and not here.ended and max(y - x for x, y in zip(ats, ats[1:])) < 1.0, "somebody noticed"


def test_srt_live_transmit_listens(t):
    """srt-live-transmit as a listener gets a forwarded stream from a key frame on, also when it is killed and comes back."""
    comes_and_goes(t, "srt-live-transmit")


def test_ffmpeg_listens(t):
    """ffmpeg as a listener with a passphrase likewise."""
    comes_and_goes(t, "ffmpeg", "&passphrase=a-secret-of-both", "&passphrase=a-secret-of-both")


def test_a_server_gets_a_stream_by_srt(t):
    """Another server gets each stream under its own name, bit for bit and to the end; one that refuses is asked again, with its
    reason in the API."""
    far = t.server("far", top.conf(srt.VHOST % "" + "play { mw_latency 50; } publish { reconnect_grace 0; }", top=srt.SERVER % ""))
    s = start(t, f"srt://127.0.0.1:{far.srt}?{ID}")
    path = srt.media_file(t, seconds=4)
    sent, seen = srt.pictures(srt.as_flv(t, path, "sent")), t.probe(far.url("live/a"))
    publisher = srt.ffmpeg(t, path, srt.publish_url(s), loop=False)
    far.wait_live("a")
    assert state(s, "live")["url"] == f"srt://127.0.0.1:{far.srt}"
    assert publisher.wait(20) == 0, publisher.output()[-500:]
    wait_for(lambda: len(srt.pictures(seen.messages)) >= len(sent) - 1, 8, "all pictures")
    assert srt.is_within(srt.pictures(seen.messages), sent) and srt.sounds(seen.messages)
    far.wait_ended("a")


def test_a_listener_that_refuses_is_asked_again(t):
    """A listener with another passphrase refuses, which is in the API as the reason; the stream is not disturbed."""
    far = t.server("far", top.conf(srt.VHOST % "", top=srt.SERVER % 'passphrase "of-the-far-one";'))
    s = start(t, f"srt://127.0.0.1:{far.srt}?{ID}&passphrase=of-the-near-one")
    publisher = t.publish(s.url("live/a"), t.media(30))
    assert "refuses" in state(s, "waiting")["reason"]
    wait_for(lambda: (s.stream("a") or {}).get("forwards", [{}])[0].get("attempts", 0) >= 2, 10, "a second attempt")
    assert not publisher.ended and "of-the-near-one" not in s.log()


def answer_wrongly(sock, ends):
    """A listener that takes each handshake for agreed, in the words of SRT before 1.3 and without any extension."""
    sock.settimeout(0.1)
    while not ends.is_set():
        try:
            packet, peer = sock.recvfrom(2048)
        except OSError:
            continue
        if len(packet) >= 64 and packet[:2] == b"\x80\0":
            caller = packet[40:44]
            sock.sendto(packet[:12] + caller + packet[16:36] + b"\xff\xff\xff\xfe" + packet[40:], peer)


def test_a_listener_that_agrees_to_anything_hurts_nobody(t):
    """A listener whose handshake is no handshake of SRT is refused before anything is sent to it: the library could not stand that."""
    ends, sock = threading.Event(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=answer_wrongly, args=(sock, ends), daemon=True)
    thread.start()
    try:
        s = start(t, f"srt://127.0.0.1:{sock.getsockname()[1]}?{ID}")
        publisher = t.publish(s.url("live/a"), t.media(20))
        assert state(s, "waiting")["reason"]
        wait_for(lambda: (s.stream("a") or {}).get("forwards", [{}])[0].get("attempts", 0) >= 3, 10, "a third attempt")
        assert not publisher.ended
    finally:
        ends.set()
        thread.join(5)
        sock.close()


def test_names_that_say_more_than_a_name_are_not_forwarded(t):
    """A stream whose name would change the rest of a stream id goes nowhere, and the log says so."""
    s = start(t, f"srt://127.0.0.1:{free_port()}?{ID}")
    t.publish(s.url("live/a,r=live%2Fother"), t.media(10))
    wait_for(lambda: "does not fit into a stream id" in s.log(), 10, "a line of the log")
    assert not any(x.get("forwards") for x in s.json("/api/v1/streams/")["streams"])
