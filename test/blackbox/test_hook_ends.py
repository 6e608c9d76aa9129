"""Web services are told once, with the body of the beginning, that a publisher or a player of any protocol has ended, however
it ends."""
import os

import topology as top
from support import gb, httpc, rtc, websocket
from support.case import Skip, limit
from support.hookserver import HookServer
from support.server import wait_for
from test_access import MEMBERS, hooks
from test_rtc_cluster import RTC_BENCH

SAME = ("server_id", "service_id", "client_id", "ip", "vhost", "app", "tcUrl", "stream", "param", "stream_url", "stream_id")
ENDS = {"on_publish": "on_unpublish", "on_play": "on_stop"}


def start(t, vhost, rest="", **kw):
    """A server that asks and tells of all of them, and its service."""
    h = t.keep(HookServer())
    told = hooks(h.url(), tuple(ENDS) + tuple(ENDS.values()), "on_publish_timeout 30; on_play_timeout 30; notice_timeout 30;")
    more = "".join(f"vhost {name} {{ {text} {told} }}\n" for name, text in (kw.pop("vhosts", {}) or {}).items())
    return t.server("srs", top.conf(vhost + told, **kw) + rest + more), h


def begun(h, action, stream):
    """What was asked about that stream."""
    return wait_for(lambda: [x for x in h.of(action) if x["stream"] == stream], 15, f"{action} of {stream}")[0]


def kick(s, said):
    """The client that was asked about is ended by the API."""
    found = s.json("/api/v1/clients/" + said["client_id"], "DELETE")
    assert found["code"] == 0, found


def judge(h, s, action, count):
    """So many have begun, and each of them has ended, once, with the same words; what waits is told while the server ends."""
    end = ENDS[action]
    wait_for(lambda: len(h.of(end)) >= count, 30, f"{count} {end}")
    s.stop()
    first, last = ({x["client_id"]: x for x in h.of(a)} for a in (action, end))
    assert len(h.of(action)) == len(first) == count, h.of(action)
    assert len(h.of(end)) == len(last) == count and first.keys() == last.keys(), (h.of(end), first.keys())
    for key, said in last.items():
        assert [k for k in said if k[0] != "_"] == MEMBERS[end], said
        assert {k: said[k] for k in SAME} == {k: first[key][k] for k in SAME}, (said, first[key])


def delete(s, answer):
    """The end as WHIP and WHEP have it."""
    assert answer.status == 201, (answer.status, answer.content)
    assert httpc.fetch(s.api_url(answer.headers["location"]), "DELETE").status == 200


def peer(t, s, kind, mode, stream, more=""):
    """One that sends or gets media."""
    if not os.path.exists(RTC_BENCH):
        raise Skip("objs/rtc_bench is not built: make bench-tools")
    url = s.api_url(f"/rtc/v1/{kind}/?app=live&stream={stream}{more}")
    p = t.spawn([RTC_BENCH, "-m", mode, "-u", url, "-n", "1", "-t", "0"], stream)
    wait_for(lambda: "ready: 1 of 1" in p.output(), 20, "its media")
    return p


def rtc_server(t):
    return start(t, "publish { reconnect_grace 0; } " + rtc.VHOST % "", top=rtc.SERVER % "",
                 vhosts={"short.test": "publish { reconnect_grace 0; } " + rtc.VHOST % "stun_timeout 1;"})


@limit(90)
def test_publishers_of_webrtc(t):
    """By DELETE, by the API, and without a word."""
    s, h = rtc_server(t)
    delete(s, rtc.whip(s, "deleted", query="&k=v"))
    assert rtc.whip(s, "kicked").status == 201
    kick(s, begun(h, "on_publish", "kicked"))
    peer(t, s, "whip", "publish", "gone", "&vhost=short.test").kill9()
    judge(h, s, "on_publish", 3)
    assert begun(h, "on_publish", "deleted")["param"].startswith("?") and "k=v" in begun(h, "on_unpublish", "deleted")["param"]


@limit(90)
def test_players_of_webrtc(t):
    """By DELETE before its peer has come, by the API, without a word, and before it has said one."""
    s, h = rtc_server(t)
    names = (("deleted", ""), ("kicked", ""), ("gone", "?vhost=short.test"), ("never", "?vhost=short.test"))
    for name, vhost in names:
        t.publish(s.url(f"live/{name}{vhost}"))
        s.wait_live(name)
    assert rtc.whep(s, "never", query="&vhost=short.test").status == 201
    delete(s, rtc.whep(s, "deleted"))
    p = peer(t, s, "whep", "play", "kicked")
    kick(s, begun(h, "on_play", "kicked"))
    wait_for(lambda: begun(h, "on_stop", "kicked"), 10, "on_stop")
    p.kill9()
    peer(t, s, "whep", "play", "gone", "&vhost=short.test").kill9()
    judge(h, s, "on_play", len(names))


def test_players_of_websockets(t):
    """By a close, by the API, and with the connection."""
    s, h = start(t, "")
    t.publish(s.url("live/x"))
    said = []
    for way in ("closed", "kicked", "gone"):
        c = t.keep(websocket.Client(s.web(f"/live/x.flv?way={way}")))
        assert c.status == 101
        c.binary(1000)
        said.append(wait_for(lambda way=way: [x for x in h.of("on_play") if way in x["param"]], 5, "on_play")[0])
        if way == "closed":
            c.say(8, b"\x03\xe8")
        elif way == "kicked":
            kick(s, said[-1])
        else:
            c.sock.close()
        wait_for(lambda said=said: len(h.of("on_stop")) == len(said), 15, f"on_stop of one that is {way}")
    judge(h, s, "on_play", 3)


def test_a_question_for_the_head_alone(t):
    """One that asks by HEAD may be refused as a player, and has ended with the answer."""
    s, h = start(t, "")
    t.publish(s.url("live/x"))
    s.wait_live("x")
    assert httpc.fetch(s.flv("live/x"), "HEAD").status == 200
    judge(h, s, "on_play", 1)


@limit(90)
def test_cameras(t):
    """By the API, and with its connections."""
    s, h = start(t, "publish { reconnect_grace 0; } ", top=gb.CONF % ("", ""))
    cameras = [gb.Camera(t, s) for _ in range(2)]
    asked = [begun(h, "on_publish", c.id) for c in cameras]
    for c in cameras:
        s.wait_live(c.id, 10)
    cameras[0].hold = True      # it is called again, and sends nothing then
    kick(s, asked[0])
    cameras[1].close()
    cameras[1].sip.close()
    judge(h, s, "on_publish", 2)
