"""How WebRTC is asked for: over IPv6, over TLS, through proxies, with the help of STUN and TURN servers."""
import json
import os
import socket

import topology as top
from support import httpc, rtc, tls
from support.hookserver import HookServer
from support.server import free_port, wait_for

CLIENT = "203.0.113.7"


def start(t, more="", server="", **kw):
    return t.server(kw.pop("name", "srs"), top.conf(rtc.VHOST % more, top=rtc.SERVER % server + kw.pop("top", ""), **kw))


def is_answered(answer, address):
    """Whether the peer's check gets an answer there."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as u:
        u.settimeout(1)
        for _ in range(5):
            u.sendto(rtc.check(answer, rtc.PUBLISH), address)
            try:
                return u.recv(2000)[:2] == b"\x01\x01"
            except TimeoutError:
                continue
    return False


def test_servers_of_ice_are_named(t):
    """Answers name the STUN and TURN servers of the configuration, and pages may read that; a secret makes passwords."""
    s = start(t, server="ice_servers stun:stun.example.com turn:me:word@turn.example.com:3478?transport=udp turns:turn.example.com; "
              "ice_secret north;")
    for answer in (rtc.whip(s, "a"), rtc.whep(s, "a", headers={"Origin": "https://elsewhere.example.com"})):
        assert answer.status == 201, (answer.status, answer.content)
        links = [v for k, v in answer.fields if k == "link"]
        assert links[0] == '<stun:stun.example.com>; rel="ice-server"', links
        assert links[1] == '<turn:turn.example.com:3478?transport=udp>; rel="ice-server"; username="me"; credential="word"; ' \
            'credential-type="password"', links
        assert links[2].startswith('<turns:turn.example.com>; rel="ice-server"; username="') and "credential=" in links[2], links
    assert "Link" in answer.headers["access-control-expose-headers"] or answer.headers["access-control-expose-headers"] == "*"
    refused = rtc.whip(s, "a", b"")
    assert refused.status == 400 and "link" not in refused.headers
    told = t.run("-t", "-c", "x.conf", conf="listen 1935; rtc_server { ice_servers turn:me:wrd-of-mine@; }")
    assert told.returncode and "wrd-of-mine" not in told.text, told.text


def test_asked_for_over_ipv6(t):
    """Both servers of HTTP take offers over IPv6; the answer has the address that was asked, and media goes there."""
    text = top.conf(rtc.VHOST % "", top="rtc_server { enabled on; listen [::1]:$rtc; candidate ::1; }\n").replace("127.0.0.1", "[::1]")
    s = t.server("srs", text)
    for port in (s.api, s.http):
        for kind, offer in (("whip", rtc.PUBLISH), ("whep", rtc.PLAY)):
            r = httpc.fetch(f"http://[::1]:{port}/rtc/v1/{kind}/?stream=s{port}", "POST", rtc.SDP, rtc.offer(offer))
            assert r.status == 201 and f" ::1 {s.rtc} typ host" in r.content.decode(), (r.status, r.content)
            if kind == "whip":
                assert is_answered(r.content, ("::1", s.rtc))
            url = f"http://[::1]:{port}{r.headers['location']}"
            assert httpc.fetch(url, "DELETE").status == 200
    found = httpc.fetch_json(f"http://[::1]:{s.api}/api/v1/rtc")
    assert {x["ip"] for x in found["ended"]} | {x["ip"] for x in found["sessions"]} == {"::1"}, found
    r = rtc_json(f"http://[::1]:{s.api}/rtc/v1/play/", "webrtc://[::1]/live/a")
    assert r["code"] == 0 and " ::1 " in r["sdp"], r


def rtc_json(url, stream):
    body = {"sdp": rtc.offer(rtc.PLAY).decode(), "streamurl": stream}
    return json.loads(httpc.fetch(url, "POST", body=json.dumps(body).encode()).content)


def test_asked_for_over_tls(t):
    """Offers, PATCH and DELETE go over TLS to both servers; a web service hears of the session as over plain HTTP."""
    hooks = t.keep(HookServer())
    folder = t.path("srs")
    os.makedirs(folder)
    tls.make_pair(os.path.join(folder, "a"), "localhost", "127.0.0.1")
    files = "key ./a.key; cert ./a.crt;"
    conf = ("listen 127.0.0.1:$rtmp;" + top.COMMON + rtc.SERVER % "" +
            f"http_server {{ enabled on; listen 127.0.0.1:$http; https {{ enabled on; listen 127.0.0.1:$https; {files} }} }}\n"
            f"http_api {{ enabled on; listen 127.0.0.1:$api; https {{ enabled on; listen 127.0.0.1:$apis; {files} }} }}\n"
            "vhost __defaultVhost__ {" + rtc.VHOST % "" +
            f"http_hooks {{ enabled on; on_publish {hooks.url('/publish')}; }} }}\n")
    s = t.server("srs", conf, values={"https": free_port(), "apis": free_port()})
    for port in (s.values["https"], s.values["apis"]):
        base = f"https://127.0.0.1:{port}"
        r = httpc.fetch(f"{base}/rtc/v1/whip/?stream=s{port}", "POST", {**rtc.SDP, "Authorization": "Bearer mykey"},
                        rtc.offer(rtc.PUBLISH))
        assert r.status == 201, (r.status, r.content)
        assert is_answered(r.content, ("127.0.0.1", s.rtc))
        url = base + r.headers["location"]
        assert httpc.fetch(url, "PATCH", {**rtc.FRAGMENT, "If-Match": r.headers["etag"]}, b"").status == 204
        assert httpc.fetch(url, "DELETE").status == 200
        assert rtc_json(f"{base}/rtc/v1/play/", "webrtc://127.0.0.1/live/a")["code"] == 0
    assert [c["param"] for c in hooks.of("on_publish")] and all("token=mykey" in c["param"] for c in hooks.of("on_publish"))


def ips(server):
    return sorted(x["ip"] for x in rtc.api(server)["sessions"])


def test_clients_behind_a_proxy(t):
    """X-Forwarded-For of a trusted proxy is the client of WHIP, WHEP and SRS's form: the API, web services and rules see it."""
    hooks = t.keep(HookServer())
    s = start(t, f"}} http_hooks {{ enabled on; on_publish {hooks.url('/publish')}; }} security {{ enabled on; allow play all; "
              "allow publish all; deny play 192.0.2.66; ", top="trusted_proxies 127.0.0.1;")
    forwarded = {"X-Forwarded-For": f"198.51.100.1, {CLIENT}"}
    assert rtc.whip(s, "a", headers=forwarded).status == 201
    assert hooks.of("on_publish")[0]["ip"] == CLIENT, hooks.of("on_publish")
    assert rtc.whep(s, "b", headers={"Forwarded": "for=198.51.100.9"}).status == 201
    body = json.dumps({"sdp": rtc.offer(rtc.PLAY).decode(), "streamurl": "webrtc://h/live/c", "clientip": "192.0.2.1"}).encode()
    r = httpc.fetch(s.api_url("/rtc/v1/play/"), "POST", {"X-Forwarded-For": "198.51.100.8"}, body)
    assert json.loads(r.content)["code"] == 0, r.content
    assert ips(s) == ["198.51.100.8", "198.51.100.9", CLIENT], ips(s)
    assert [c["ip"] for c in s.clients()] == [CLIENT], s.clients()
    assert rtc.whep(s, "b", headers={"X-Forwarded-For": "192.0.2.66"}).status == 403
    stranger = start(t, name="stranger")
    assert rtc.whep(stranger, "b", headers=forwarded).status == 201
    assert ips(stranger) == ["127.0.0.1"]


def test_a_page_that_is_passed_on_keeps_its_address(t):
    """An origin that asks another one for a page says whose page it is; the other believes it from a trusted one."""
    a = t.server("a", top.conf(rtc.VHOST % "} cluster { mode local; origin_cluster on; coworkers 127.0.0.1:$other; on_miss redirect; ",
                               top=rtc.SERVER % "ice_servers stun:stun.example.com;" + "trusted_proxies 127.0.0.1;"),
                 values={"other": free_port()})
    b = t.server("b", top.conf(rtc.VHOST % f"}} cluster {{ mode local; origin_cluster on; coworkers 127.0.0.1:{a.api}; on_miss redirect; ",
                               top=rtc.SERVER % "" + "trusted_proxies 127.0.0.1;"), values={"api": a.values["other"]})
    t.publish(b.url("live/a"))
    wait_for(lambda: b.stream("a"), 5, "the stream")
    r = rtc.whep(a, "a", headers={"Origin": "https://page.example.com", "X-Forwarded-For": CLIENT})
    assert r.status == 201 and r.headers["location"].startswith(b.web("/rtc/v1/whep/")), (r.status, r.headers, r.content)
    assert r.headers["link"].startswith("<stun:stun.example.com>"), r.headers
    assert ips(a) == [] and ips(b) == [CLIENT], (ips(a), ips(b))
