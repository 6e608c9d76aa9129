"""WebRTC over HTTP: WHIP and WHEP as RFC 9725 has them, SRS's own form, and who is told no."""
import json
import signal
import socket

import topology as top
from support import httpc, rtc
from support.case import calm
from support.hookserver import HookServer
from support.server import wait_for


def start(t, more="", server="", **kw):
    return t.server(kw.pop("name", "srs"), top.conf(rtc.VHOST % more, top=rtc.SERVER % server, **kw))


def post_json(server, path, body):
    r = httpc.fetch(server.api_url(path), "POST", body=json.dumps(body).encode())
    assert r.status == 200, r.status
    return json.loads(r.content)


def test_a_session_by_whip(t):
    """An offer is answered with 201, a session URL and a tag; PATCH adds and restarts, DELETE ends it once."""
    s = start(t)
    r = rtc.whip(s, "a")
    assert r.status == 201 and r.headers["content-type"] == "application/sdp", (r.status, r.content)
    url, tag = s.api_url(r.headers["location"]), r.headers["etag"]
    assert "?" not in url and tag == '"' + rtc.attribute(r.content, "ice-ufrag") + '"', (url, tag)
    assert f" 127.0.0.1 {s.rtc} typ host" in r.content.decode(), r.content
    assert [c["type"] for c in s.clients()] == ["rtc-publish"], s.clients()
    found = rtc.api(s)["sessions"][0]
    assert found["state"] == "answered" and "no STUN came" in found["why_not_connected"], found
    assert found["candidates"] == [f"udp 127.0.0.1:{s.rtc}"], found

    ufrag = rtc.attribute(rtc.offer(rtc.PUBLISH), "ice-ufrag")
    trickle = f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:nLVafkDSmFIhUXkg67a3FKTw\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n" \
              "a=candidate:1 1 UDP 1 192.0.2.9 5000 typ host\r\n"
    patch = {**rtc.FRAGMENT, "If-Match": tag}
    assert httpc.fetch(url, "PATCH", patch, trickle.encode()).status == 204
    restart = b"a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n"
    r = httpc.fetch(url, "PATCH", patch, restart)
    assert r.status == 200 and r.headers["content-type"] == "application/trickle-ice-sdpfrag", r.status
    assert r.headers["etag"] != tag and rtc.attribute(r.content, "ice-ufrag") in r.headers["etag"]
    assert httpc.fetch(url, "PATCH", patch, restart).status == 412, "the tag is of before the restart"
    assert httpc.fetch(url, "PATCH", rtc.SDP, restart).status == 415
    assert httpc.fetch(url, "PATCH", rtc.FRAGMENT, b"nonsense").status == 400

    assert httpc.fetch(url, "DELETE").status == 200
    rtc.wait_sessions(s, 0)
    assert httpc.fetch(url, "DELETE").status == 404
    assert httpc.fetch(url, "PATCH", patch, trickle.encode()).status == 404
    assert s.clients() == []
    ended = rtc.api(s)["ended"][0]
    assert "ended the session over HTTP" in ended["why"] and ended["connect_ms"] == -1, ended


def test_what_cannot_be_had_is_told(t):
    """Each refusal has a status of HTTP and a sentence; nothing of it stays."""
    s = start(t)
    offer = rtc.offer(rtc.PUBLISH).decode()
    vp8 = "\r\n".join(line for line in offer.split("\r\n") if not any(f" {codec}/" in line for codec in ("H264", "AV1", "VP9"))).encode()
    for what, status, answer in (
            ("no offer", 400, rtc.whip(s, "a", b"")),
            ("no SDP", 400, rtc.whip(s, "a", b"hello")),
            ("another type", 415, rtc.whip(s, "a", headers={"Content-Type": "text/html"})),
            ("VP8 alone", 406, rtc.whip(s, "a", vp8)),
            ("to play what is sent", 406, rtc.whep(s, "a", offer.encode())),
            ("no rtcp-mux", 406, rtc.whip(s, "a", offer.replace("a=rtcp-mux\r\n", "").encode())),
            ("an unknown codec", 400, rtc.whip(s, "a", query="&codec=vp6")),
            ("credentials that are too short", 400, rtc.whip(s, "a", query="&ice-ufrag=a&ice-pwd=b")),
            ("a stream without a name", 400, rtc.whip(s, "%2f"))):
        assert answer.status == status and answer.content, (what, answer.status, answer.content)
    r = httpc.fetch(s.api_url("/rtc/v1/whip/"), "GET")
    assert r.status == 405 and "POST" in r.headers["allow"], (r.status, r.headers)
    assert rtc.whip(s, "a").status == 201
    r = rtc.whip(s, "a")
    assert r.status == 201 or (r.status == 409 and b"published" in r.content), (r.status, r.content)
    off = t.server("off", top.conf("", top=rtc.SERVER % ""))
    r = rtc.whip(off, "a")
    assert r.status == 403 and b"rtc.enabled" in r.content, (r.status, r.content)
    none = t.server("none", top.conf(rtc.VHOST % ""))
    r = rtc.whip(none, "a")
    assert r.status == 403 and b"rtc_server.enabled" in r.content, (r.status, r.content)


def test_players_of_rtmp_need_rtmp_to_rtc(t):
    """A stream that came by RTMP is refused to WebRTC players where that is off, by a sentence that names it."""
    s = t.server("srs", top.conf("rtc { enabled on; }", top=rtc.SERVER % ""))
    t.publish(s.url("live/a"))
    wait_for(lambda: s.stream("a"), 5, "the stream")
    r = rtc.whep(s, "a")
    assert r.status == 403 and b"rtmp_to_rtc" in r.content, (r.status, r.content)
    assert rtc.whep(s, "later").status == 201, "one that nobody publishes is waited for"


def test_srs_form(t):
    """SRS's own players send the offer in JSON; codes are SRS's, and a sentence says more."""
    s = start(t)
    url = f"webrtc://{s.api_address}/live/a?x=1"
    sdp = rtc.offer(rtc.PUBLISH).decode()
    for name, path in (("b", "/rtc/v1/publish/"), ("c", "/rtc/v1/publish")):
        answer = post_json(s, path, {"sdp": sdp, "streamurl": url.replace("/a?", f"/{name}?")})
        assert list(answer) == ["code", "server", "service", "pid", "sdp", "sessionid", "token"], answer
        assert answer["code"] == 0 and "\r\na=ice-lite\r\n" in answer["sdp"], answer
        assert answer["sessionid"].startswith(rtc.attribute(answer["sdp"], "ice-ufrag") + ":"), answer
    play = post_json(s, "/rtc/v1/play/", {"sdp": rtc.offer(rtc.PLAY).decode(), "streamurl": url})
    assert play["code"] == 0 and "a=sendonly" in play["sdp"], play
    nack = [line for line in play["sdp"].split("\r\n") if "nack" in line]
    assert len(nack) == 2, nack
    for code, body in ((5019, {}), (5019, {"sdp": sdp, "streamurl": "nonsense"}),
                       (5012, {"sdp": "hello", "streamurl": url}),
                       (5018, {"sdp": sdp.replace("a=group:BUNDLE 0 1\r\n", ""), "streamurl": url})):
        answer = post_json(s, "/rtc/v1/publish/", body)
        assert answer["code"] == code and answer["msg"], (code, answer)
    r = httpc.fetch(s.api_url("/rtc/v1/publish/"), "POST", body=b"[" * 60000)
    assert json.loads(r.content)["code"] == 5019
    r = httpc.fetch(s.api_url(f"/rtc/v1/whip/?action=delete&token={play['token']}&session={play['sessionid']}"), "DELETE")
    assert r.status == 200
    assert httpc.fetch(s.api_url("/rtc/v1/whip/?action=delete&token=gone"), "DELETE").status == 200


def test_pages_of_any_site_may_play(t):
    """A page from elsewhere may POST, PATCH and DELETE sessions where it may read at all, and sees their URL."""
    s = start(t)
    ask = {"Origin": "https://site.example", "Access-Control-Request-Method": "POST",
           "Access-Control-Request-Headers": "authorization,content-type"}
    r = httpc.fetch(s.api_url("/rtc/v1/whep/?stream=a"), "OPTIONS", ask)
    assert r.status == 200 and "POST" in r.headers["access-control-allow-methods"], r.headers
    assert "authorization" in r.headers["access-control-allow-headers"], r.headers
    r = rtc.whep(s, "a", headers={"Origin": "https://site.example"})
    assert r.status == 201 and r.headers["access-control-allow-origin"] == "*", r.headers
    assert r.headers["access-control-expose-headers"] == "*"
    r = httpc.fetch(s.api_url("/api/v1/clients/x"), "OPTIONS", {**ask, "Access-Control-Request-Method": "DELETE"})
    assert "DELETE" not in r.headers["access-control-allow-methods"], r.headers


def test_web_services_decide(t):
    """on_publish and on_play are asked, with the key that the encoder sent; a refusal is 403, and nothing stays."""
    hooks = t.keep(HookServer(say=lambda said: (403, "no") if "wrong" in said["param"] else (200, '{"code":0,"data":null}')))
    s = start(t, f"}} http_hooks {{ enabled on; on_publish {hooks.url('/p')}; on_play {hooks.url('/q')}; ")
    r = rtc.whip(s, "a", headers={"Authorization": "Bearer wrong"})
    assert r.status == 403, (r.status, r.content)
    rtc.wait_sessions(s, 0)
    assert rtc.whip(s, "a", headers={"Authorization": "Bearer right"}).status == 201
    heard = hooks.of("on_publish")[-1]
    assert "token=right" in heard["param"] and heard["app"] == "live" and heard["stream"] == "a", heard
    assert rtc.whep(s, "a", query="&k=wrong").status == 403


def test_candidates(t):
    """The client's word comes first, then the host that it has asked, then the configuration, with its ports."""
    s = t.server("srs", top.conf(
        rtc.VHOST % "", top="rtc_server { enabled on; listen 127.0.0.1:$rtc; protocol all; tcp { enabled on; listen 127.0.0.1:$tcp; } "
        "candidate 203.0.113.7 $$HERE 198.51.100.1:9000; }\n"), values={"tcp": top.free_port()}, env={"HERE": "2001:db8::5"})
    r = rtc.whip(s, "a", query="&eip=192.0.2.77:7000", headers={"Host": f"192.0.2.10:{s.api}"})
    lines = [line.split() for line in r.content.decode().split("m=video")[0].split("\r\n") if line.startswith("a=candidate")]
    found = [(w[2], w[4], int(w[5])) for w in lines]
    tcp = int(s.values["tcp"])
    want = []
    for host, port in (("192.0.2.77", 7000), ("192.0.2.10", 0), ("203.0.113.7", 0), ("2001:db8::5", 0), ("198.51.100.1", 9000)):
        want += [("udp", host, port or s.rtc), ("tcp", host, port or tcp)]
    assert found == want, found
    priorities = [int(w[3]) for w in lines]
    assert len(set(priorities)) == len(lines), priorities


def test_ports_follow_a_reload(t):
    """WebRTC that is turned on, moved and turned off by a reload is so for new sessions; those that exist keep theirs."""
    s = start(t)
    first = rtc.whip(s, "a")
    assert first.status == 201
    moved = top.free_port()
    s.write_conf(top.conf(rtc.VHOST % "", top=(rtc.SERVER % "").replace("$rtc", str(moved))))
    s.signal(signal.SIGHUP)
    wait_for(lambda: rtc.api(s)["rtc"]["udp_port"] == moved, 5, "the other port")
    r = rtc.whip(s, "b")
    assert r.status == 201 and f" {moved} typ host" in r.content.decode()
    assert rtc.api(s)["rtc"]["sessions"] == 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.settimeout(5)
        u.sendto(rtc.check(first.content, rtc.PUBLISH), ("127.0.0.1", s.rtc))
        assert u.recv(1500)[:2] == b"\x01\x01", "the session is reached at the port of its answer"
    s.write_conf(top.conf(rtc.VHOST % ""))
    s.signal(signal.SIGHUP)
    wait_for(lambda: rtc.api(s)["rtc"]["udp_port"] == 0, 5, "the end of listening")
    assert rtc.whip(s, "c").status == 403
    assert rtc.api(s)["rtc"]["sessions"] == 2


@calm
def test_half_open_sessions_go(t):
    """Offers whose peers never come are forgotten after ten seconds, places and names with them, and it is said why."""
    s = start(t)
    for i in range(50):
        assert rtc.whep(s, f"n{i}").status == 201
    assert rtc.whip(s, "p").status == 201
    assert rtc.api(s)["rtc"]["half_open"] == 51
    rtc.wait_sessions(s, 0, 15)
    found = rtc.api(s)
    assert found["rtc"]["half_open"] == 0 and found["rtc"]["never_connected"] == 51, found["rtc"]
    assert all("no STUN came" in e["why"] for e in found["ended"]), found["ended"][0]
    assert s.clients() == [] and not s.stream("p")
