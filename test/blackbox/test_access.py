"""Who may publish and play: hooks, rules by address and page, signed links."""
import os
import socket
import struct
import subprocess
import threading
import time

import topology as top
from support import httpc, rtmp
from support.case import limit
from support.flv import TOP
from support.hookserver import HookServer
from support.server import free_port, wait_for

HEAD = ["server_id", "service_id", "action", "client_id", "ip", "vhost", "app"]
TAIL = ["stream_url", "stream_id"]
MEMBERS = {
    "on_connect": HEAD + ["stream", "param", "tcUrl", "pageUrl"],
    "on_close": HEAD + ["send_bytes", "recv_bytes"],
    "on_publish": HEAD + ["tcUrl", "stream", "param"] + TAIL,
    "on_unpublish": HEAD + ["tcUrl", "stream", "param"] + TAIL,
    "on_stop": HEAD + ["tcUrl", "stream", "param"] + TAIL,
    "on_play": HEAD + ["stream", "tcUrl", "param", "pageUrl"] + TAIL,
}
EVENTS = tuple(MEMBERS)


def service(t, **kw):
    return t.keep(HookServer(**kw))


def vhost(text, **kw):
    return top.conf(text, **kw)


def hooks(url, events=EVENTS, more=""):
    return "http_hooks { enabled on; " + "".join(f"{e} {url}; " for e in events) + more + " }"


def told(server, action, count=1):
    return wait_for(lambda: len(server.of(action)) >= count and server.of(action), what=f"{count} {action}")


def play_refused(t, url, page=None):
    """The status by which a player of RTMP is refused."""
    c = t.client(url)
    try:
        c.connect(**({"pageUrl": page} if page else {}))
        c.play()
        status = c.wait_command(lambda x: x.code is not None and x.info.get("level") == "error")
        return status.info["description"]
    except rtmp.Refused as e:
        return str(e)
    finally:
        c.close()


def publish_refused(t, url):
    try:
        t.publish(url)
    except rtmp.Refused as e:
        return str(e)
    raise AssertionError("the publisher was let in")


# ---- hooks


def test_hooks_hear_what_srs_tells(t):
    """Each event is posted with SRS's members in SRS's order, for RTMP and HTTP-FLV."""
    h = service(t)
    s = t.server("srs", vhost(hooks(h.url("/a?u=1"))))
    p = t.publish(s.url("live/x?k=v"))
    r = httpc.Response(s.web("/live/x.flv?token=1"))
    assert r.status == 200 and r.read()
    t.probe(s.url("live/x")).wait_frames(3).stop()
    r.close()
    p.stop()
    for action in EVENTS:
        for said in told(h, action):
            members = [k for k in said if not k.startswith("_")]
            assert members == MEMBERS[action], (action, members)
            assert said["_path"] == "/a?u=1" and said["_headers"]["Content-Type"] == "application/json"
            assert b" " not in said["_raw"].replace(b'" "', b""), said["_raw"]
    said = h.of("on_publish")[0]
    assert said["stream"] == "x" and said["app"] == "live" and said["param"] == "?k=v", said
    assert said["vhost"] == "__defaultVhost__" and said["ip"] == "127.0.0.1" and said["stream_url"] == "/live/x"
    assert said["stream_id"].startswith("vid-") and said["tcUrl"].startswith("rtmp://127.0.0.1"), said
    assert h.of("on_unpublish")[0]["client_id"] == said["client_id"]
    by_http = [x for x in h.of("on_play") if x["param"] == "?token=1"]
    assert len(by_http) == 1 and by_http[0]["stream"] == "x", h.of("on_play")
    assert told(h, "on_stop", 2) and told(h, "on_close", 2)
    assert any(c["recv_bytes"] > 10000 for c in h.of("on_close")), h.of("on_close")
    order = [x["action"] for x in h.heard if x["client_id"] == said["client_id"]]
    assert order[:2] == ["on_connect", "on_publish"], order


ANSWERS = (
    ((200, "0"), True), ((201, "0"), True), ((200, '{"code":0}'), True), ((200, '"0"'), False), ((200, "{}"), False),
    ((302, "0"), False), ((500, "0"), False), ((403, "0"), False), ((200, '{"code":3,"msg":"not paid"}'), False),
    ((200, "rubbish"), False), ((200, ""), False), ((204, ""), False),
)


def test_answers_of_a_hook(t):
    """Only 200 or 201 with 0 or an integer code 0 lets a publisher in; what is no answer is decided by on_publish_failure."""
    h = service(t)
    refuse = t.server("refuse", vhost(hooks(h.url(), ("on_publish",), "on_publish_timeout 1;")))
    allow = t.server("allow", vhost(hooks(h.url(), ("on_publish",), "on_publish_failure allow; on_publish_timeout 1;")))
    no = {(403, "0"), (200, '{"code":3,"msg":"not paid"}')}     # an answer, and not a missing one
    for n, (h.say, good) in enumerate(ANSWERS):
        if good:
            t.publish(refuse.url(f"live/{n}")).stop()
        else:
            publish_refused(t, refuse.url(f"live/{n}"))
        if good or h.say not in no:
            t.publish(allow.url(f"live/{n}")).stop()
        else:
            words = publish_refused(t, allow.url(f"live/{n}"))
            assert "not paid" in words or "403" in words, words
    h.chunked, h.say = True, (200, '{"code":0}')
    t.publish(refuse.url("live/chunked")).stop()


def test_of_several_services_all_have_to_agree(t):
    """Several URLs of an event are asked in their order; the first that refuses ends it, and the rest are not asked."""
    one, two, three = (service(t, say=say) for say in ((200, "0"), (200, '{"code":5,"msg":"the second one"}'), (200, "0")))
    s = t.server("srs", vhost(f"http_hooks {{ enabled on; on_publish {one.url('/1')} {two.url('/2')} {three.url('/3')}; }}"))
    assert "the second one" in publish_refused(t, s.url("live/x"))
    assert [len(h.of("on_publish")) for h in (one, two, three)] == [1, 1, 0]
    two.say = (200, "0")
    t.publish(s.url("live/x")).stop()
    assert [len(h.of("on_publish")) for h in (one, two, three)] == [2, 2, 1]


def test_a_redirect_is_not_followed(t):
    """A 302 is no answer, and nobody is asked where it points."""
    other = service(t)

    def elsewhere(sock):
        sock.sendall(f"HTTP/1.1 302 Found\r\nLocation: {other.url()}\r\nContent-Length: 1\r\n\r\n0".encode())
    h = service(t, say=(None, elsewhere))
    s = t.server("srs", vhost(hooks(h.url(), ("on_publish",), "on_publish_retries 0;")))
    assert "cannot be asked" in publish_refused(t, s.url("live/x"))
    assert len(h.heard) == 1 and not other.heard


def test_a_hook_that_fails(t):
    """A service that resets, is slow, drips, is not there or has no name costs its time limit, and then the directive decides."""
    h = service(t)
    more = "on_publish_timeout 0.3; on_publish_retries 1;"
    refuse = t.server("refuse", vhost(hooks(h.url(), ("on_publish",), more)))
    allow = t.server("allow", vhost(hooks(h.url(), ("on_publish",), more + "on_publish_failure allow;")))

    def drip(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(20):
            sock.sendall(b" ")
            time.sleep(0.1)

    def drip_head(sock):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0":
            sock.sendall(bytes([byte]))
            time.sleep(0.1)

    def reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    ways = [(None, lambda sock: None), (None, drip), (None, drip_head), (None, reset)]
    for n, way in enumerate(ways):
        h.say = way
        began = time.monotonic()
        words = publish_refused(t, refuse.url(f"live/{n}"))
        assert "cannot be asked" in words and "127.0.0.1" not in words, words
        assert time.monotonic() - began < 5
        t.publish(allow.url(f"live/{n}")).stop()
    heard = len(h.heard)
    assert heard >= 2 * 2 * len(ways), heard        # asked again once, by each
    h.close()
    publish_refused(t, refuse.url("live/gone"))
    t.publish(allow.url("live/gone")).stop()
    nowhere = t.server("nowhere", vhost(hooks("http://nowhere.invalid/", ("on_publish",), more)))
    publish_refused(t, nowhere.url("live/x"))


def test_a_hook_refuses_players(t):
    """A player that a hook refuses hears its sentence, over RTMP and by a 403 over HTTP; others play on."""
    def say(said):
        return (200, '{"code":1,"reason":"ask for a ticket"}' if said["param"] == "?no=1" else "0")
    h = service(t, say=say)
    s = t.server("srs", vhost(hooks(h.url(), ("on_play", "on_stop"))))
    t.publish(s.url("live/x"))
    assert "ask for a ticket" in play_refused(t, s.url("live/x?no=1"))
    r = httpc.fetch(s.web("/live/x.flv?no=1"))
    assert r.status == 403 and b"ask for a ticket" in r.content, (r.status, r.content)
    t.probe(s.url("live/x")).wait_frames(3).stop()
    told(h, "on_stop")
    assert len(h.of("on_stop")) == 1, "a player that was refused has not stopped"


def test_notices_outlive_a_restart_of_their_service(t):
    """on_unpublish is delivered by a service that was down when the stream ended; a stop of the server delivers what is left."""
    h = service(t, port=free_port())        # that nobody else gets while it is down
    s = t.server("srs", vhost(hooks(h.url(), ("on_unpublish", "on_close"))))
    h.close()
    t.publish(s.url("live/x")).stop()
    wait_for(lambda: "it is tried again" in s.log(), what="the line about the outage")
    h.start()
    told(h, "on_unpublish")
    told(h, "on_close")
    wait_for(lambda: "answer again" in s.log(), what="the line about its end")
    t.publish(s.url("live/y"))
    s.stop()
    assert len(told(h, "on_unpublish", 2)) == 2


def test_many_joins_through_a_slow_hook(t):
    """300 players at once through a hook that takes 200 ms: all play, over at most 32 connections; media of others goes on."""
    h = service(t)
    h.delay = 0.2
    s = t.server("srs", vhost(hooks(h.url(), ("on_play",), "on_play_timeout 30;")))
    t.publish(s.url("live/x"))
    watching = t.probe(s.url("live/x")).wait_frames(5)
    playing, failed = [], []

    def join():
        c = rtmp.Client(s.url("live/x"), None, 30)
        try:
            c.connect()
            c.play()
            c.wait(lambda m: m.type == rtmp.VIDEO)
            playing.append(c)
        except Exception as e:      # counted: the case fails with the first
            failed.append(e)
    threads = [threading.Thread(target=join) for _ in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for c in playing:
        c.close()
    assert len(playing) == 300, (len(playing), failed[:1])
    assert h.connections <= 32, h.connections
    assert len(h.of("on_play")) == 301
    assert watching.wait_frames(5)


def test_hooks_over_https(t):
    """A service over HTTPS is asked when its certificate is of an authority that is trusted; one that is not gives no answer."""
    made = subprocess.run([os.path.join(TOP, "scripts", "self-signed"), "-o", t.path("hooks"), "127.0.0.1"],
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    cert = (t.path("hooks.crt"), t.path("hooks.key"))
    h = service(t, cert=cert)
    both = hooks(h.url(), ("on_publish", "on_unpublish"))
    good = t.server("good", vhost(both, top=f"tls_ca {cert[0]};"))
    t.publish(good.url("live/x")).stop()
    assert told(h, "on_publish") and told(h, "on_unpublish")
    strict = t.server("strict", vhost(both))
    assert "cannot be asked" in publish_refused(t, strict.url("live/x"))
    wait_for(lambda: "certificate" in strict.log(), what="the reason in the log")


def test_hooks_in_the_format_of_a_form(t):
    """format form posts the same members as the fields of an HTML form."""
    h = service(t)
    s = t.server("srs", vhost(hooks(h.url(), EVENTS, "format form;")))
    t.publish(s.url("live/x?k=%26")).stop()
    said = told(h, "on_publish")[0]
    assert said["_headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    assert said["param"] == "?k=%26", said
    assert [k for k in said if not k.startswith("_")] == MEMBERS["on_publish"], said


def test_who_says_that_it_is_a_relay_is_asked_about(t):
    """Hooks are asked about whoever merely says that it is a relay; a server from an address of relays is not asked about."""
    h = service(t)
    text = hooks(h.url(), ("on_play",))
    open_ = t.server("open", vhost(text))
    listed = t.server("listed", vhost(text + " cluster { relays 127.0.0.1; }"))
    for origin, asked in ((open_, 1), (listed, 1)):
        t.publish(origin.url("live/x"))
        edge = top.start_edge(t, origin, name=f"edge-{origin.name}")
        t.probe(edge.url("live/x")).wait_frames(3).stop()
        assert len(h.of("on_play")) == asked, (origin.name, h.of("on_play"))


# ---- rules


def test_security_by_address(t):
    """Rules of security refuse by address, over RTMP and HTTP, with a sentence."""
    s = t.server("srs", vhost("security { enabled on; allow publish 127.0.0.1; allow play 10.0.0.0/8; deny publish 192.0.2.0/24; }"))
    t.publish(s.url("live/x"))
    assert "may not play" in play_refused(t, s.url("live/x"))
    assert httpc.fetch(s.web("/live/x.flv")).status == 403
    none = t.server("none", vhost("security { enabled on; deny publish all; }"))
    assert "may not publish" in publish_refused(t, none.url("live/x"))


def test_refer_by_page(t):
    """Only pages of a listed domain may play; the domain ends at a dot."""
    s = t.server("srs", vhost("refer { enabled on; play example.com; }"))
    t.publish(s.url("live/x"))
    for page, good in (("http://www.example.com/p", True), ("http://badexample.com/", False), (None, False)):
        headers = {"Referer": page} if page else {}
        r = httpc.Response(s.web("/live/x.flv"), headers=headers)
        assert r.status == (200 if good else 403), (page, r.status)
        r.close()
    assert "this page" in play_refused(t, s.url("live/x"), "http://evil.org/")


# ---- signed links

KEY = "k1:0123456789abcdef"


def link(path, *args, key=KEY):
    done = subprocess.run([os.path.join(TOP, "scripts", "sign-link"), "--key", key, *args, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().lstrip("/")


def test_signed_links(t):
    """Links made by scripts/sign-link publish and play by RTMP and HTTP; expired, foreign and unsigned ones are refused."""
    s = t.server("srs", vhost(f"signed_links {{ enabled on; keys k0:other {KEY}; }}"))
    t.publish(s.url(link("live/x", "--publish")))
    t.probe(s.url(link("live/x"))).wait_frames(3).stop()
    r = httpc.Response(s.web("/" + link("live/x.flv")))
    assert r.status == 200 and r.read()
    r.close()
    assert "has expired" in play_refused(t, s.url(link("live/x", "--for", "-2")))
    assert "is wrong" in play_refused(t, s.url(link("live/y").replace("live/y", "live/x")))
    assert "not signed" in play_refused(t, s.url("live/x"))
    assert "is wrong" in publish_refused(t, s.url(link("live/z")))
    assert httpc.fetch(s.web("/live/x.flv")).status == 403
    assert httpc.Response(s.web("/" + link("live/x.flv", "--ip", "127.0.0.1"))).status == 200
    assert httpc.fetch(s.web("/" + link("live/x.flv", "--ip", "192.0.2.1"))).status == 403


FORMATS = ("alibaba", "tencent_cdn", "type_b", "type_c", "type_d", "tencent", "huawei", "lal", "secure_link",
           "secure_link_secret", "wowza", "akamai", "jwt")


@limit(90)
def test_signed_links_of_each_format(t):
    """Each format of the table lets in the link that scripts/sign-link makes, by RTMP and HTTP, and no changed one."""
    for format in FORMATS:
        key = "00112233445566778899aabbccddeeff"
        s = t.server(format, vhost(f"signed_links {{ enabled on; format {format}; keys {key}; publish off; }}"))
        t.publish(s.url("live/x"))
        bound = ("--ip", "127.0.0.1") if format == "secure_link" else ()
        t.probe(s.url(link("live/x", "--format", format, *bound, key=key))).wait_frames(2).stop()
        good = link("live/x.flv", "--format", format, *bound, key=key)
        r = httpc.Response(s.web("/" + good))
        assert r.status == 200 and r.read(), (format, good)
        r.close()
        other = link("live/x.flv", "--format", format, *bound, key="ff" + key[2:])
        assert httpc.fetch(s.web("/" + other)).status == 403, format
        s.stop()


# ---- HLS

HLS = "hls { enabled on; hls_ctx off; hls_path ./objs/nginx/html; hls_fragment 1; hls_window 30; }"


def hls_stream(t, text, publish="live/x"):
    s = t.server("srs", vhost(text + HLS))
    t.publish(s.url(publish), t.media(10, gop=1.0), speed=4, burst=1000)
    return s


def listed(s, path):
    """The playlist, once there is a segment in it."""
    def look():
        r = httpc.fetch(s.web(path))
        return r if r.status != 404 and (r.status != 200 or b"#EXTINF" in r.content) else None
    return wait_for(look, 10, "a playlist")


def uris(playlist):
    return [line for line in playlist.content.decode().split("\n") if line and not line.startswith("#")]


def test_hls_obeys_the_rules_of_players(t):
    """Playlists and segments are refused by address as every play is."""
    s = hls_stream(t, "security { enabled on; allow publish all; allow play 10.0.0.0/8; }")
    assert listed(s, "/live/x.m3u8").status == 403


def test_hls_hands_signed_links_on(t):
    """A playlist by a signed link hands its parameters on to its segments, which are refused without; files of other links too."""
    s = hls_stream(t, f"signed_links {{ enabled on; keys {KEY}; publish off; }}")
    assert listed(s, "/live/x.m3u8").status == 403
    good = listed(s, "/" + link("live/x.m3u8"))
    assert good.status == 200
    uri = uris(good)[0]
    name, _, query = uri.partition("?")
    assert "sig=" in query and httpc.fetch(s.web("/live/" + uri)).status == 200
    assert httpc.fetch(s.web("/live/" + name)).status == 403
    assert httpc.fetch(s.web("/live/" + name + "?" + link("live/y.m3u8").partition("?")[2])).status == 403


def test_hls_asks_on_play_once(t):
    """on_play is asked once for a player over HLS that asks again and again, and its refusal is a 403 with the sentence."""
    def say(said):
        return (200, '{"code":1,"reason":"ask for a ticket"}' if said["param"] == "?no=1" else "0")
    h = service(t, say=say)
    s = hls_stream(t, hooks(h.url(), ("on_play",)))
    for _ in range(5):
        playlist = listed(s, "/live/x.m3u8?a=1")
        assert playlist.status == 200 and httpc.fetch(s.web("/live/" + uris(playlist)[-1])).status == 200
    r = httpc.fetch(s.web("/live/x.m3u8?no=1"))
    assert r.status == 403 and b"ask for a ticket" in r.content, (r.status, r.content)
    r = httpc.fetch(s.web("/live/x.m3u8?no=1"))
    assert r.status == 403
    assert [x["param"] for x in h.of("on_play")] == ["?a=1", "?no=1"], h.of("on_play")
