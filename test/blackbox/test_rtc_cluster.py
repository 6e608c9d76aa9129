"""WebRTC behind edges: origins die, and those who watch by WHEP notice nothing. The full form deals ten blows."""
import json
import os
import signal
import time

import topology as top
from support import rtc
from support.case import Skip, alone, limit
from support.chaos import Feed, Lane, Numbers, Record, rounds, used
from support.flv import TOP
from support.server import wait_for

RTC_BENCH = os.path.join(TOP, "objs", "rtc_bench")
VIEWERS, GOP, BOUND_MS = 100, 1.0, 500


def viewers(t, server, count, *args):
    """Players by WHEP of live/x that go on until they are told to stop."""
    if not os.path.exists(RTC_BENCH):
        raise Skip("objs/rtc_bench is not built: make bench-tools")
    url = server.api_url("/rtc/v1/whep/?app=live&stream=x")
    p = t.spawn([RTC_BENCH, "-m", "play", "-u", url, "-n", str(count), "-r", "40", "-t", "0", "-w", "0.5", "--json", *args], "viewers")
    wait_for(lambda: "ready:" in p.output(), 30, f"{count} viewers")
    assert f"ready: {count} of {count}" in p.output(), p.output()
    return p


def report(p):
    p.popen.send_signal(signal.SIGTERM)
    assert p.wait(20) == 0, p.output()
    text = p.output()
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


@alone
@limit(240)
def test_an_origin_dies_behind_a_hundred_viewers(t):
    """kill -9 of the origin behind an edge with 100 WHEP viewers: nobody is interrupted or asks anew, numbers and times go on,
    and the pictures pause no longer than those of HTTP-FLV."""
    origins = [t.server(name, top.local()) for name in ("a", "b")]
    edge = t.server("edge", top.conf(rtc.VHOST % f"}} cluster {{ mode remote; origin {origins[0].address} {origins[1].address}; ",
                                     top=rtc.SERVER % ""))
    feed = Feed(t.media(gop=GOP))
    for origin in origins:
        t.keep(Lane(origin.url("live/x"), feed)).start().ready.wait(10)
    flv = t.probe(edge.flv("live/x"), keep=False)
    flv.wait_frames(30, 10)
    numbers = Numbers(t, "kill -9 of the origin behind 100 WHEP viewers", f"<= {BOUND_MS} ms beyond those of HTTP-FLV")
    watching = viewers(t, edge, VIEWERS)
    began, opened = time.monotonic(), rtc.api(edge)["rtc"]["opened"]
    for _ in range(rounds(10, 1)):
        victim = next(o for o in origins if o.address == used(edge))
        victim.kill9()
        wait_for(lambda: used(edge) not in (None, victim.address), 10, "the other origin")
        flv.wait_frames(100, 15, after=time.monotonic())
        victim.start()
        wait_for(lambda: (victim.stream("x") or {}).get("publish", {}).get("active"), 10, "the origin's return")
    found = rtc.api(edge)["rtc"]
    assert (found["opened"], found["sessions"]) == (opened, VIEWERS), found
    usual = Record(flv, [feed]).gap_ms(began, time.monotonic())
    r = report(watching)
    assert (r["running"], r["disconnects"], r["failures"], r["jumps"]) == (VIEWERS, 0, 0, 0), r
    assert r["missing"] <= r["packets"] / 1000, r
    numbers.add("longest gap, HTTP-FLV", usual)
    numbers.add("longest gap, WebRTC", r["gap_ms"]["max"])
    numbers.add("gap beyond HTTP-FLV's", max(0, r["gap_ms"]["max"] - usual), BOUND_MS)
