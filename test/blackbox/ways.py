"""Ways to publish and to play, one for each protocol: a function (t, server, vhost, stream, parameters) that says whether
one was let in."""
import json
import os
import subprocess

from support import httpc, rtc, rtmp, srt, websocket
from support.flv import TOP
from support.server import wait_for

KEY = "k1:0123456789abcdef"


def sign(action, stream="x", *more):
    """The parameters of a signed link."""
    args = list(more) + (["--publish"] if action == "publish" else [])
    done = subprocess.run([os.path.join(TOP, "scripts", "sign-link"), "--key", KEY, *args, "live/" + stream], capture_output=True,
                          text=True, check=True)
    return done.stdout.strip().partition("?")[2]


def query(vhost, more, lead="?"):
    return f"{lead}vhost={vhost}.test" + (f"&{more}" if more else "")


# ---- ways to publish: whether one is let in


def by_rtmp(t, s, vhost, stream, more):
    try:
        t.publish(s.url(f"live/{stream}{query(vhost, more)}")).stop()
    except rtmp.Refused:
        return False
    return True


def by_whip(_, s, vhost, stream, more):
    r = rtc.whip(s, stream, query=query(vhost, more, "&"))
    assert r.status in (201, 403), (r.status, r.content)
    return r.status == 201


def by_json(_, s, vhost, stream, more, kind="publish", sdp=rtc.PUBLISH):
    body = {"sdp": rtc.offer(sdp).decode(), "streamurl": f"webrtc://127.0.0.1/live/{stream}{query(vhost, more)}"}
    r = httpc.fetch(s.api_url(f"/rtc/v1/{kind}/"), "POST", body=json.dumps(body).encode())
    return json.loads(r.content)["code"] == 0


def by_srt(_, s, vhost, stream, more, mode="publish"):
    extra = "".join("," + p for p in more.split("&") if p)
    told = srt.call(s, f"#!::r=live/{stream},m={mode},h={vhost}.test{extra}", hold=1)
    return told["connected"] and told["lasted"] is None


PUBLISHERS = {"rtmp": by_rtmp, "whip": by_whip, "json": by_json, "srt": by_srt}

# ---- ways to play


def is_error(m):
    said = rtmp.Command(m)
    return said.code is not None and said.info.get("level") == "error"


def play_rtmp(t, s, vhost, stream, more):
    c = t.client(s.url(f"live/{stream}{query(vhost, more)}"))
    try:
        c.connect()
        c.play()
        return c.wait(lambda m: m.type == rtmp.VIDEO or m.type == rtmp.COMMAND and is_error(m)).type == rtmp.VIDEO
    except (rtmp.Refused, rtmp.Closed):
        return False
    finally:
        c.close()


def over_http(extension):
    def play(_, s, vhost, stream, more):
        def look():         # a playlist may not be there yet
            r = httpc.Response(s.web(f"/live/{stream}.{extension}{query(vhost, more)}"))
            r.sock.close()
            return r.status if r.status != 404 else None
        status = wait_for(look, 15, "an answer", every=0.1)
        assert status in (200, 403, 503), status
        return status == 200
    return play


def play_websocket(t, s, vhost, stream, more):
    c = websocket.Client(s.web(f"/live/{stream}.flv{query(vhost, more)}"))
    c.close()
    return c.status == 101


def play_whep(_, s, vhost, stream, more):
    r = rtc.whep(s, stream, query=query(vhost, more, "&"))
    assert r.status in (201, 403, 503), (r.status, r.content)
    return r.status == 201


def play_json(t, s, vhost, stream, more):
    return by_json(t, s, vhost, stream, more, "play", rtc.PLAY)


def play_srt(t, s, vhost, stream, more):
    return by_srt(t, s, vhost, stream, more, "request")


PLAYERS = {"rtmp": play_rtmp, "flv": over_http("flv"), "hls": over_http("m3u8"),
           "websocket": play_websocket, "whep": play_whep, "json": play_json, "srt": play_srt}
