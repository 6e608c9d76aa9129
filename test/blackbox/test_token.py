"""An edge with token_traverse asks its origin about each client: the origin's signed links decide, by every protocol."""
import re
import time

import topology as top
from support import httpc, rtc, rtmp, srt
from support.case import limit
from support.hookserver import HookServer
from support.server import wait_for
from ways import KEY, PLAYERS, PUBLISHERS, query, sign

SIGNED = "secret one-that-is-long-enough;"
LINKS = f"signed_links {{ enabled on; keys {KEY}; }}"
KINDS = rtc.VHOST % "" + srt.VHOST % ""
TOP = srt.SERVER % "" + rtc.SERVER % ""
ASKED = r"asked whether (\S+) may (play|publish) live/(\S+) of (\S+): (.*)"


def vhost(text):
    return f"vhost links.test {{ {top.REMUX} {text} }}\n"


def start_origin(t, cluster=SIGNED, name="origin", more="", links=LINKS, **kw):
    """An origin that wants signed links, in the vhost links.test."""
    text = vhost(f"cluster {{ mode local; {cluster} }} hls {{ enabled on; hls_path ./hls; hls_fragment 1; }} {links} {more}")
    return t.server(name, top.conf() + text, **kw)


def start_edge(t, *origins, cluster=SIGNED, name="edge", more="", **kw):
    """An edge that knows of no links, and asks."""
    names = " ".join(map(top.address_of, origins))
    hls = f"hls {{ enabled on; hls_origin {origins[-1].http_address}; hls_ctx off; }}" if hasattr(origins[-1], "api_url") else ""
    text = vhost(f"cluster {{ mode remote; origin {names}; token_traverse on; {cluster} }} {hls} {KINDS}")
    return t.server(name, top.conf(top=TOP + more) + text, **kw)


def path(stream, more=""):
    return f"live/{stream}{query('links', more)}"


def refusal(t, url, publish=False):
    """The words with which a client of RTMP is turned away."""
    c = t.client(url)
    try:
        c.connect()
        (c.publish if publish else c.play)()
        return c.wait_status("NetConnection.Connect.Rejected").info["description"]
    except rtmp.Refused as e:
        return e.info["description"]
    finally:
        c.close()


def asked(origin):
    return re.findall(ASKED, origin.log())


@limit(90)
def test_players_of_every_protocol_need_the_origins_link(t):
    """By RTMP, HTTP-FLV, HLS, WebSocket, WHEP, SRS's form of it and SRT: no link, another stream's, one to publish, the right one."""
    srt.need(t)
    o = start_origin(t)
    e = start_edge(t, o)
    t.publish(o.url(path("x", sign("publish"))), t.media(20))
    good, other, wrong = sign("play"), sign("play", "y"), sign("publish")
    for name, play in PLAYERS.items():
        for more, want in (("", False), (other, False), (wrong, False), (good, True)):
            assert play(t, e, "links", "x", more) == want, (name, more)
    assert {(who, action) for who, action, *_ in asked(o)} == {("127.0.0.1", "play")}


@limit(60)
def test_publishers_of_every_protocol_need_the_origins_link(t):
    """By RTMP, WHIP, SRS's form of it and SRT."""
    srt.need(t)
    o = start_origin(t)
    e = start_edge(t, o)
    for name, publish in PUBLISHERS.items():
        for more, want in (("", False), (sign("play", name), False), (sign("publish", "other"), False), (sign("publish", name), True)):
            assert publish(t, e, "links", name, more) == want, (name, more)
    assert {action for _, action, *_ in asked(o)} == {"publish"}


def test_the_origins_reason_reaches_the_client(t):
    """A link that has expired, that is wrong, or that is not there: in RTMP's status and in the body over HTTP."""
    o = start_origin(t)
    e = start_edge(t, o)
    for more, why in (("", "the link is not signed"), (sign("play", "y"), "the signature of the link is wrong"),
                      (sign("play", "x", "--until", str(int(time.time()) - 1)), "the link has expired")):
        assert refusal(t, e.url(path("x", more))) == why
        r = httpc.fetch(e.flv(path("x", more)))
        assert r.status == 403 and why in r.content.decode(), (r.status, r.content)
    assert refusal(t, e.url(path("x", sign("play"))), publish=True) == "the signature of the link is wrong"


def by_client(server, more, ip):
    """The status of FLV for a client that a trusted proxy says to be at this address."""
    r = httpc.Response(server.flv(path("x", more)), headers={"X-Forwarded-For": ip})
    r.sock.close()
    return r.status


def test_a_link_for_one_address_is_judged_by_the_clients_own(t):
    """A signed edge tells of its client; one that only says who it is, is not believed; an address of `relays` is."""
    ip, bound = "203.0.113.7", sign("play", "x", "--ip", "203.0.113.7")
    for name, cluster, of_edge, want in (("signed", SIGNED, SIGNED, 200), ("unsigned", SIGNED, "", 403),
                                         ("listed", "relays 127.0.0.0/8;", "", 200), ("unlisted", "relays 10.0.0.0/8;", "", 403),
                                         ("open", "", "", 403)):
        o = start_origin(t, cluster, name=f"origin-{name}")
        e = start_edge(t, o, cluster=of_edge, name=f"edge-{name}", more="trusted_proxies 127.0.0.1;")
        t.publish(o.url(path("x", sign("publish"))))
        assert by_client(e, bound, ip) == want, name
        assert by_client(e, bound, "203.0.113.8") == 403, name
        own = "127.0.0.1" if want == 403 else ip
        assert own in {who for who, *_ in asked(o)}, (name, asked(o))


def test_answers_are_kept_for_a_moment_and_not_beyond_their_link(t):
    """The same client with the same link is asked about once in three seconds; another one anew. A link that ends in a second
    is let in with an answer of before no longer than that."""
    o = start_origin(t)
    e = start_edge(t, o, more="trusted_proxies 127.0.0.1;")
    t.publish(o.url(path("x", sign("publish"))))
    good = sign("play")
    before = time.monotonic()
    for _ in range(5):
        assert by_client(e, good, "203.0.113.7") == 200
    if time.monotonic() - before < 3:
        assert len([a for a in asked(o) if a[0] == "203.0.113.7"]) == 1, asked(o)
    assert by_client(e, good, "203.0.113.8") == 200 and by_client(e, sign("play", "y"), "203.0.113.7") == 403
    assert len({a[0] for a in asked(o)}) == 2
    end = int(time.time()) + 2
    short = sign("play", "x", "--until", str(end))
    while (status := by_client(e, short, "203.0.113.9")) == 200:
        assert time.time() < end + 2
    assert status == 403 and time.time() >= end + 1


def test_nobody_is_let_in_while_the_origin_is_down(t):
    """Its death refuses new clients, with a sentence, at every protocol's door; its return lets them in."""
    o = start_origin(t)
    e = start_edge(t, o)
    port = o.rtmp
    good = path("x", sign("play"))
    o.stop()
    assert refusal(t, e.url(good)) == "no origin can be asked whether this is allowed"
    assert refusal(t, e.url(path("x", sign("publish"))), publish=True) == "no origin can be asked whether this is allowed"
    r = httpc.fetch(e.flv(good))
    assert r.status in (403, 503) and "no origin" in r.content.decode(), (r.status, r.content)
    back = start_origin(t, name="back", values={"rtmp": port})
    t.publish(back.url(path("x", sign("publish"))))
    t.probe(e.url(good)).wait_frames(3)


def test_an_origin_that_ends_connections_unheard_is_passed_over(t):
    """A proxy in front of a dead origin takes connections and ends them, which is no answer: the next origin is asked, and
    the first one has failed. A refusal of a connect that was heard is an answer."""
    def hears_nothing(sock):
        pass
    dead = t.listen(hears_nothing)
    o = start_origin(t)
    e = start_edge(t, dead, o)
    t.publish(o.url(path("x", sign("publish"))))
    t.probe(e.url(path("x", sign("play")))).wait_frames(3, 15)
    e.wait_log(f"token_traverse: {dead.address} cannot be asked")
    assert refusal(t, e.url(path("x", sign("play", "other")))) != "no origin can be asked whether this is allowed"


@limit(60)
def test_a_frozen_origin_delays_one_question_and_no_viewer(t):
    """The first origin takes connections and says nothing: the next one is asked, and at once from then on. Whoever watches
    already is not held up."""
    def silent(sock):
        while sock.recv(4096):
            pass
    o = start_origin(t)
    e = start_edge(t, t.listen(silent), o)
    t.publish(o.url(path("x", sign("publish"))))
    first = t.probe(e.url(path("x", sign("play")))).wait_frames(3, 15)
    before = time.monotonic()
    second = t.probe(e.flv(path("x", sign("play", "x", "--for", "100"))))
    second.wait_frames(3, 15)
    assert time.monotonic() - before < 4, "the frozen origin was asked again"
    assert not first.ended


def test_a_stream_of_a_coworker_is_judged_by_the_origin_that_was_asked(t):
    """The origin that is asked lacks the stream and sends the edge to its coworker: its word about the link holds."""
    api = top.free_port(), top.free_port()
    a, b = (start_origin(t, f"{SIGNED} origin_cluster on; coworkers 127.0.0.1:{api[1 - n]};", name="ab"[n], values={"api": api[n]})
            for n in (0, 1))
    e = start_edge(t, a)
    t.publish(b.url(path("x", sign("publish"))))
    assert refusal(t, e.url(path("x", sign("play", "y")))) == "the signature of the link is wrong"
    t.probe(e.url(path("x", sign("play")))).wait_frames(3, 10)
    assert len(asked(a)) == 2 and not asked(b)


def test_an_edge_behind_an_edge_asks_through(t):
    """Both ask, and the origin decides; a circle of edges ends."""
    o = start_origin(t)
    middle = start_edge(t, o, name="middle")
    leaf = start_edge(t, middle, name="leaf")
    t.publish(o.url(path("x", sign("publish"))))
    assert refusal(t, leaf.url(path("x"))) == "the link is not signed"
    t.probe(leaf.url(path("x", sign("play")))).wait_frames(3, 10)
    ports = top.free_port(), top.free_port()
    first, _ = (start_edge(t, f"127.0.0.1:{ports[1 - n]}", name=f"circle{n}", values={"rtmp": ports[n]}) for n in (0, 1))
    assert "form a circle" in refusal(t, first.url(path("x")))


def test_the_origins_service_is_asked_about_the_client(t):
    """on_connect of the origin hears of the edge's client, and of its end; its word reaches the client, and is not kept."""
    h = t.keep(HookServer(say=lambda said: (200, "1" if "no=1" in said["tcUrl"] else "0")))
    hooks = f"http_hooks {{ enabled on; on_connect {h.url()}; on_close {h.url()}; }}"
    o = start_origin(t, more=hooks, links="", cluster="relays 127.0.0.1;")
    e = start_edge(t, o, cluster="")
    t.publish(o.url(path("x")))
    before = len(h.of("on_connect"))
    for _ in range(2):
        c = t.client(e.url(path("x")))
        c.connect(tcUrl=e.url("live?vhost=links.test&no=1"))
        c.play("x")
        c.wait_status("NetConnection.Connect.Rejected")
    assert len(h.of("on_connect")) == before + 2
    wait_for(lambda: len(h.of("on_close")) >= 2, 5, "the ends")
