"""Very many connections: how fast they may come, and what the log makes of them."""
import socket
import subprocess

import topology as top
from support import SCALE
from support.case import Skip, limit
from support.server import wait_for


def summaries(s):
    return s.json("/api/v1/summaries")["data"]


def knock(address, count):
    for _ in range(count):
        with socket.create_connection(address, 5 * SCALE) as c:
            c.sendall(b"\x03")


@limit(60)
def test_connections_of_very_many_strangers_do_not_fill_the_log(t):
    """Thousands of connections at once: the first are in the log, the others in a counter; a publisher among them is in it."""
    s = t.server("srs", top.local())
    knock(("127.0.0.1", s.rtmp), 2500)
    t.publish(s.url("live/among"))
    s.wait_live("among")
    wait_for(lambda: summaries(s)["log_left_out"]["connections"] > 0, 10, "connections without lines")
    lines = s.log().count("RTMP connection from")
    assert lines < 2 * 2500, lines
    s.wait_log("publishing /live/among")
    left_out = summaries(s)["log_left_out"]["connections"]
    assert lines + 2 * left_out >= 2 * 2400, (lines, left_out)


def test_connections_of_one_address_have_a_rate(t):
    """Beyond rate and burst connections of an address are closed and counted; this host's are not."""
    done = subprocess.run(["hostname", "-I"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    host = next((a for a in done.stdout.split() if "." in a), None)
    if not host:
        raise Skip("this host has no address but loopback")
    s = t.server("srs", top.local(listen="$rtmp", top="max_connection_rate_per_address 5; "
                                                      "max_connection_burst_per_address 20;"))
    knock((host, s.rtmp), 200)
    wait_for(lambda: summaries(s)["cluster"]["refused"]["too_fast"] >= 100, 10, "those that were too fast")
    t.publish(s.url("live/x"))
    t.probe(s.url("live/x")).wait_frames(5)
    assert 20 <= s.log().count(f"RTMP connection from {host}") // 2 <= 100
