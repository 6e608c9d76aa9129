"""GB28181: cameras that register, are called, and send; by themselves, on demand, and through a cluster."""
import json
import re

import topology as top
from support import gb, httpc, srt
from support.server import wait_for

PLAY = "play { mw_latency 50; }"


def start(t, caster="", sip="", vhost="", name="srs", values=None):
    return t.server(name, top.conf(PLAY + vhost, top=gb.CONF % (caster, sip)), values=values)


ON_DEMAND = "invite on_demand; idle 1; reinvite 0.5; timeout 3;"


def test_a_camera_is_called_and_played(t):
    """A camera that registers is called at once; its pictures and sound come out bit for bit, by RTMP and HTTP-FLV."""
    s = start(t)
    camera = gb.Camera(t, s)
    s.wait_live(camera.id, 10)
    rtmp, web = t.probe(s.url("live/" + camera.id)), t.probe(s.flv("live/" + camera.id), idle=30)
    for probe in (rtmp, web):
        wait_for(lambda p=probe: len(srt.pictures(p.messages)) > 40, 10, "pictures")
        assert srt.is_within(srt.pictures(probe.messages), srt.pictures(camera.messages))
        assert srt.is_within(srt.sounds(probe.messages), srt.sounds(camera.messages))
        assert abs(srt.spread(probe.messages)) <= 60
    device = gb.api(s, camera.id)
    assert device["online"] and device["call"] == "live" and device["transport"] == "TCP", device
    client = next(c for c in s.clients() if c["type"] == "gb28181-publish")
    assert client["publish"]
