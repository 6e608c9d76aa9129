"""Whoever publishes or plays, by whatever protocol, meets the same rules: a matrix of protocols and rules."""
import os
import re

import topology as top
from support import gb, rtc, srt
from support.case import Skip, limit
from support.hookserver import HookServer
from support.server import wait_for
from test_rtc_cluster import RTC_BENCH
from ways import KEY, PLAYERS, PUBLISHERS, sign

ALL = (top.REMUX + "hls { enabled on; hls_path ./hls; hls_fragment 1; hls_ctx off; }" + rtc.VHOST % "" + srt.VHOST % "")
# One vhost for each rule. What a rule does not name is free there, so that the stream can be published, say.
RULES = {
    "free": "",
    "deny-publish": "security { enabled on; deny publish 127.0.0.0/8; allow play all; }",
    "deny-play": "security { enabled on; allow publish all; deny play 127.0.0.1; }",
    "pages-publish": "refer { enabled on; publish page.example; }",
    "pages-play": "refer { enabled on; play page.example; }",
    "links-publish": f"signed_links {{ enabled on; keys {KEY}; play off; }}",
    "links-play": f"signed_links {{ enabled on; keys {KEY}; publish off; }}",
    "hooks": "http_hooks { enabled on; on_publish $hook; on_play $hook; }",
    "few": "play { max_players 1; }",
}


def start(t, hook="http://127.0.0.1:9/"):
    srt.need(t)
    vhosts = "".join(f"vhost {name}.test {{ {ALL} {text.replace('$hook', hook)} }}\n" for name, text in RULES.items())
    return t.server("srs", top.conf(top=srt.SERVER % "" + rtc.SERVER % "") + vhosts)


# ---- the matrix


@limit(90)
def test_publishers_of_every_protocol_meet_every_rule(t):
    """By RTMP, WHIP, SRS's form of it and SRT: refused by address, page, link and hook, and let in where none of these says no."""
    h = t.keep(HookServer(say=lambda said: (200, "1" if "no=1" in said["param"] else "0")))
    s = start(t, h.url())
    for name, publish in PUBLISHERS.items():
        good = sign("publish", name)
        for vhost, more, want in (("free", "", True), ("deny-publish", "", False), ("pages-publish", "", False),
                                  ("links-publish", "", False), ("links-publish", good, True),
                                  ("links-publish", sign("play", name), False), ("links-publish", sign("publish", "other"), False),
                                  ("hooks", "no=1", False), ("hooks", "yes=1", True)):
            assert publish(t, s, vhost, name, more) == want, (name, vhost, more)
        asked = [x["param"] for x in h.of("on_publish") if x["stream"] == name]
        assert len(asked) == 2 and "no=1" in asked[0] and "yes=1" in asked[1], (name, asked)


@limit(90)
def test_players_of_every_protocol_meet_every_rule(t):
    """By RTMP, HTTP-FLV, HLS, WebSocket, WHEP, SRS's form of it and SRT: refused by address, page, link, hook and number."""
    h = t.keep(HookServer(say=lambda said: (200, "1" if "no=1" in said["param"] else "0")))
    s = start(t, h.url())
    for vhost in RULES:
        if "publish" not in vhost:
            t.publish(s.url(f"live/x?vhost={vhost}.test"), t.media(20))
    first = t.probe(s.url("live/x?vhost=few.test")).wait_frames(1)
    good, other, wrong = sign("play"), sign("play", "y"), sign("publish")
    for name, play in PLAYERS.items():
        for vhost, more, want in (("free", "", True), ("deny-play", "", False), ("pages-play", "", False), ("links-play", "", False),
                                  ("links-play", good, True), ("links-play", other, False), ("links-play", wrong, False),
                                  ("hooks", f"by={name}&no=1", False), ("hooks", f"by={name}&yes=1", True)):
            assert play(t, s, vhost, "x", more) == want, (name, vhost, more)
        asked = [x["param"] for x in h.of("on_play") if f"by={name}&" in x["param"]]
        assert len(asked) == 2 and "no=1" in asked[0], (name, asked)
        if name != "hls":       # a playlist is no place that is taken
            assert not play(t, s, "few", "x", ""), name
    assert not first.ended, first.ended


def rtc_publisher(t, s):
    """A publisher by WHIP of several times what is allowed."""
    if not os.path.exists(RTC_BENCH):
        raise Skip("objs/rtc_bench is not built: make bench-tools")
    return t.spawn([RTC_BENCH, "-m", "publish", "-u", s.api_url("/rtc/v1/whip/?app=live&stream=whip"), "-t", "0", "--kbps=600"], "whip")


@limit(60)
def test_publishers_of_every_protocol_send_no_more_than_they_may(t):
    """max_bitrate ends who sends too much by RTMP, SRT and WHIP, and a camera; a warning is first."""
    srt.need(t)
    s = t.server("srs", top.conf(srt.VHOST % "" + rtc.VHOST % "" + "publish { max_bitrate 150; }",
                                 top=srt.SERVER % "" + rtc.SERVER % "" + gb.CONF % ("", "")))
    one = t.publish(s.url("live/rtmp"))
    two = srt.ffmpeg(t, srt.media_file(t, seconds=4), srt.publish_url(s, "live/srt"))
    camera = gb.Camera(t, s)
    three = rtc_publisher(t, s)
    warned = re.compile(rf"live/(rtmp|srt|whip|{camera.id}): the publisher sends")
    wait_for(lambda: len(set(warned.findall(s.log()))) == 4, 20, "four warnings")
    wait_for(lambda: s.log().count("are allowed (max_bitrate)") >= 4, 20, "four ends")
    said = [x for x in s.log().splitlines() if "rtc-publish of whip ended" in x]
    assert len(said) == 1 and "are allowed (max_bitrate)" in said[0], said
    assert s.log().index("live/whip: the publisher sends") < s.log().index(said[0])
    wait_for(lambda: not rtc.api(s)["sessions"], 10, "the end of the session")
    three.kill9()
    assert one.ended
    two.wait(10)


def test_cameras_meet_the_rules_of_publishers(t):
    """on_publish is asked about a camera's stream, and `security` about its address; who says no has it hung up."""
    for name, rule, why in (("hooks", "http_hooks { enabled on; on_publish $hook; }", "no room"),
                            ("address", "security { enabled on; deny publish 127.0.0.1; }", "may not publish here")):
        h = t.keep(HookServer(say=(200, '{"code":1,"msg":"no room"}')))
        s = t.server(name, top.conf(rule.replace("$hook", h.url()), top=gb.CONF % ("", "")))
        camera = gb.Camera(t, s)
        s.wait_log(why, 10)
        assert not s.is_live(camera.id)
        assert [x["stream"] for x in h.of("on_publish")][:1] == ([camera.id] if name == "hooks" else [])
        s.stop()
