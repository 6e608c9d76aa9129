"""Streams that go on to other servers: vhost.forward."""
import json
import os
import signal

import topology as top
from support import rtmp, tls
from support.converse import converse, redirect
from support.hookserver import HookServer
from support.rtmp import VIDEO, is_keyframe
from support.server import free_port, wait_for

RAW = "http_api { enabled on; listen 127.0.0.1:$api; raw_api { enabled on; allow_reload on; } }\n"


def forwarding(t, forward, name="a", **kw):
    return t.server(name, top.conf("forward { enabled on; " + forward + " }"), **kw)


def target(server, address="", stream="x"):
    """What the API says of the destination at that address, or of the only one; {} when it says nothing."""
    found = (server.stream(stream) or {}).get("forwards", [])
    return next((f for f in found if address in f["url"]), {})


def state(server, want, address="", seconds=10, stream="x"):
    return wait_for(lambda: target(server, address, stream).get("state") == want and target(server, address, stream),
                    seconds, f"a destination that is {want}")


def plays(t, url):
    """A player that has had pictures, the first of them a key frame."""
    p = t.probe(url)
    p.wait(lambda _: len([m for m in p.messages if m.type == VIDEO]) >= 10, 10)
    coded = [m for m in p.messages if m.type == VIDEO and not rtmp.is_header(m)]
    assert is_keyframe(coded[0]), "it did not begin at a key frame"
    return p


def test_forward_to_a_server(t):
    """A stream is forwarded under its name, with its parameters and its vhost, from a key frame on, and ends there
    when it ends here."""
    b = t.server("b", top.local(publish="reconnect_grace 0;"))
    a = forwarding(t, f"destination {b.address};")
    publisher = t.publish(a.url("live/x?token=1"), mark=True)
    b.wait_live("x")
    player = plays(t, b.url("live/x"))
    facts = state(a, "live")
    assert facts["url"] == f"rtmp://{b.address}/live/x" and facts["send_bytes"] > 0 and facts["losses"] == 0, facts
    assert b.clients()[0]["url"].endswith("/live/x"), b.clients()
    want = {m.payload for m in publisher.sent}
    assert all(m.payload in want for m in player.messages if m.type == VIDEO), "pictures were changed"
    publisher.stop()
    a.wait_ended("x")


def test_forward_comes_back(t):
    """A destination that dies and returns gets the stream again, from a key frame on; the publisher and players here
    never notice."""
    b = t.server("b", top.local())
    nobody = f"127.0.0.1:{free_port()}"
    a = forwarding(t, f"destination {b.address} {nobody};")
    publisher = t.publish(a.url("live/x"))
    here = t.probe(a.url("live/x"))
    b.wait_live("x")
    b.kill9()
    lost = state(a, "waiting", b.address)
    assert lost["losses"] == 1 and lost["reason"], lost
    b.start()
    b.wait_live("x", 10)
    plays(t, b.url("live/x"))
    assert state(a, "live", b.address)["attempts"] == 0
    dead = wait_for(lambda: target(a, nobody).get("attempts", 0) > 1 and target(a, nobody), what="a second attempt")
    assert dead["state"] in ("waiting", "connecting") and "refused" in dead["reason"], dead
    assert not publisher.ended and not here.ended
    ats = [m.at for m in here.messages if m.type == VIDEO]
    assert max(y - x for x, y in zip(ats, ats[1:])) < 1.0, "the player here saw a gap"


def test_forward_to_a_server_that_refuses(t):
    """A destination that refuses is asked again, more and more seldom, and the API has its reason."""
    may = []
    other = t.srs(accept=lambda kind, _: bool(may))
    a = forwarding(t, f"destination {other.address};")
    t.publish(a.url("live/x"))
    facts = state(a, "waiting")
    assert facts["attempts"] >= 1 and facts["reason"], facts
    wait_for(lambda: target(a).get("attempts", 0) >= 3, 10, "three attempts")
    may.append(1)
    state(a, "live", seconds=15)
    assert other.connects[0]["object"]["tcUrl"].startswith("rtmp://127.0.0.1"), other.connects[0]


def test_forward_follows_redirects(t):
    """A destination that redirects has not failed: the stream goes on to where it is redirected, and no warning is
    written."""
    b = t.server("b", top.local())

    def send_away(conn, _):
        return redirect(conn, b.rtmp)
    away = t.listen(lambda sock: converse(sock, publish=send_away))
    a = forwarding(t, f"destination 127.0.0.1:{away.port};")
    t.publish(a.url("live/x"))
    b.wait_live("x")
    facts = state(a, "live")
    assert not facts["reason"] and facts["losses"] == 0, facts
    assert "not forwarded" not in a.log()


def test_forward_to_a_frozen_server(t):
    """A destination that is frozen costs the publisher and the players here nothing, and neither does its end."""
    b = t.server("b", top.local())
    a = forwarding(t, f"destination {b.address};")
    publisher = t.publish(a.url("live/x"))
    b.wait_live("x")
    here = t.probe(a.url("live/x"))
    here.wait(lambda _: len(here.messages) > 10, 10)
    b.freeze()
    before = len(here.messages)
    here.wait(lambda _: len(here.messages) > before + 100, 10)
    ats = [m.at for m in here.messages if m.type == VIDEO][5:]
    assert not publisher.ended and max(y - x for x, y in zip(ats, ats[1:])) < 1.0
    b.thaw()


def backend(t, say):
    return t.keep(HookServer(say=say))


def urls(*texts):
    return 200, json.dumps({"code": 0, "data": {"urls": list(texts)}})


def test_forward_by_a_backend(t):
    """The backend hears of the publish what SRS tells, and names URLs with names and parameters of their own."""
    b = t.server("b", top.local())
    service = backend(t, urls(f"rtmp://{b.address}/other/name?token=x", ""))
    a = forwarding(t, f"destination 127.0.0.1:1; backend {service.url('/forward')};")
    t.publish(a.url("live/x?k=v"))
    b.wait_live("name")
    assert b.stream("name")["app"] == "other"
    said = service.heard[0]
    assert [k for k in said if k[0] != "_"] == ["action", "server_id", "service_id", "client_id", "ip", "vhost", "app",
                                                "tcUrl", "stream", "param"], said
    assert (said["action"], said["app"], said["stream"], said["param"]) == ("on_forward", "live", "x", "?k=v"), said
    assert target(a)["url"] == f"rtmp://{b.address}/other/...", "a name that may be a key is not shown"
    assert len((a.stream("x") or {})["forwards"]) == 1, "destination has no effect beside backend"


def test_forward_backend_decides(t):
    """An empty list forwards nothing; a refusal, an error or rubbish refuses the publish."""
    service = backend(t, urls())
    a = forwarding(t, f"destination 127.0.0.1:1; backend {service.url()};")
    t.publish(a.url("live/x"))
    a.wait_live("x")
    assert "forwards" not in a.stream("x")
    for answer in ((200, '{"code":5}'), (500, ""), (200, "0"), (200, '{"code":0,"data":{"urls":[1]}}'),
                   (200, '{"code":0,"data":{}}')):
        service.say = answer
        try:
            t.publish(a.url("live/y"))
            raise AssertionError(f"{answer}: the publish was let in")
        except (rtmp.Refused, rtmp.Closed):
            pass
    assert a.alive


def test_forward_encrypted(t):
    """A destination may be rtmps, and its certificate is checked."""
    folder = t.path("b")
    os.makedirs(folder)
    tls.make_pair(os.path.join(folder, "b"), "localhost", "127.0.0.1")
    b = t.server("b", top.local(top="rtmps { enabled on; listen 127.0.0.1:$rtmps; key ./b.key; cert ./b.crt; }\n"),
                 values={"rtmps": free_port()})
    to = f"rtmps://127.0.0.1:{b.values['rtmps']}"
    a = t.server("a", top.conf(f"forward {{ enabled on; destination {to}; }}",
                               top=f"tls_ca {folder}/b.crt;\n"))
    t.publish(a.url("live/x"))
    b.wait_live("x")
    assert target(a)["url"] == to + "/live/x"
    c = t.server("c", top.conf(f"forward {{ enabled on; destination {to}; }}"))
    t.publish(c.url("live/y"))
    assert "certificate" in state(c, "waiting", stream="y")["reason"]


def test_forward_expects_names(t):
    """Destinations and the backend are reached by addresses when `tls_name` and `backend_tls_name` say what their certificates
    have, and neither of these is a name for the other, or that of the cluster."""
    for name in ("live.example", "business.example"):
        tls.make_pair(t.path(name), name)
    with open(t.path("all.crt"), "w") as out:
        for name in ("live.example", "business.example"):
            with open(t.path(name + ".crt")) as f:
                out.write(f.read())
    b = t.server("b", top.local(top=f"rtmps {{ enabled on; listen 127.0.0.1:$rtmps; key {t.path('live.example.key')}; "
                                    f"cert {t.path('live.example.crt')}; }}\n"), values={"rtmps": free_port()})
    to = f"rtmps://127.0.0.1:{b.values['rtmps']}/live/"
    service = t.keep(HookServer(say=lambda said: urls(to + said["stream"]),
                                cert=(t.path("business.example.crt"), t.path("business.example.key"))))
    backend_is, there_is = "backend_tls_name business.example;", "tls_name live.example;"

    def start(name, more):
        return t.server(name, top.conf(f"cluster {{ tls_name live.example; }} forward {{ enabled on; backend {service.url()}; {more} }}",
                                       top=f"tls_ca {t.path('all.crt')};\n"))
    a = start("a", backend_is + there_is)
    t.publish(a.url("live/x"))
    b.wait_live("x", 10)
    c = start("c", backend_is)
    t.publish(c.url("live/y"))
    assert "mismatch" in state(c, "waiting", stream="y")["reason"]
    d = start("d", there_is)
    try:
        t.publish(d.url("live/z"))
        raise AssertionError("the publish was let in")
    except (rtmp.Refused, rtmp.Closed):
        d.wait_log("on_forward: .* gives no destinations: .*mismatch")


def test_forward_by_reload(t):
    """A reload begins and ends the forwarding of streams that are on; others go on."""
    b, c = (t.server(n, top.local()) for n in "bc")
    conf = "forward { enabled %s; destination %s; }"
    a = t.server("a", top.conf(conf % ("off", b.address)))
    publisher = t.publish(a.url("live/x"))
    a.wait_live("x")
    assert not b.stream("x")

    def reload(*values):
        a.write_conf(top.conf(conf % values))
        a.signal(signal.SIGHUP)
    reload("on", b.address)
    b.wait_live("x")
    reload("on", f"{b.address} {c.address}")
    c.wait_live("x")
    assert target(a)["losses"] == 0
    reload("on", c.address)
    b.wait_ended("x")
    assert c.is_live("x")
    reload("off", c.address)
    c.wait_ended("x")
    assert not publisher.ended


def test_forward_at_an_edge(t):
    """An edge forwards what it pulls, as SRS does, and a circle of servers that forward to each other ends."""
    a, b = t.server("a", top.local()), t.server("b", top.local())
    edge = t.server("edge", top.conf(f"cluster {{ mode remote; origin {a.address}; }} "
                                     f"forward {{ enabled on; destination {b.address}; }}"))
    t.publish(a.url("live/x"))
    t.probe(edge.url("live/x"))
    b.wait_live("x")
    one, two = free_port(), free_port()
    servers = [t.server(f"s{n}", top.conf(f"forward {{ enabled on; destination 127.0.0.1:{to}; }}"),
                        values={"rtmp": n}) for n, to in ((one, two), (two, one))]
    t.publish(servers[0].url("live/y"))
    servers[1].wait_live("y")
    found = wait_for(lambda: (servers[1].stream("y") or {}).get("forwards"), what="the way back")
    wait_for(lambda: (servers[1].stream("y") or {})["forwards"][0]["state"] == "waiting", what=f"no way back: {found}")
