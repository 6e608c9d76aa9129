"""Proxies: what trusted ones say of their clients' addresses is believed, and nobody else is."""
import os
import socket
import struct
import subprocess

import topology as top
from support import handshake, httpc, rtmp, tls
from support.server import free_port, wait_for

CLIENT = "203.0.113.7"
RULES = "security { enabled on; allow play all; allow publish 127.0.0.1; deny play 192.0.2.66; }"


def line(address=CLIENT):
    return f"PROXY TCP4 {address} 10.0.0.1 56324 1935\r\n".encode()


def binary(address=CLIENT, command=0x21):
    ends = socket.inet_aton(address) + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 56324, 1935)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", command, 0x11, len(ends) + 5) + ends + b"\x04\0\x02ab"


def play(t, s, header, pieces=1):
    c = t.client(s.url("live/x"), shake=False)
    step = max(1, len(header) // pieces)
    for at in range(0, len(header), step):
        c.send_raw(header[at:at + step])
    handshake.client(c)
    c.connect()
    c.play()
    return c


def start(t, more="trusted_proxies 127.0.0.1;", **kw):
    s = t.server("srs", top.conf(RULES, top=more, **kw))
    t.publish(s.url("live/x"))
    s.wait_live("x")
    return s


def players(s):
    return sorted(c["ip"] for c in s.clients() if not c["publish"])


def test_rtmp_players_behind_a_proxy_have_their_own_addresses(t):
    """PROXY headers of both versions, whole and in pieces: the API, the log and the rules have the player's address."""
    s = start(t)
    keep = [play(t, s, line()), play(t, s, binary("198.51.100.9"), pieces=7), play(t, s, b""),
            play(t, s, binary(command=0x20)), play(t, s, b"PROXY UNKNOWN\r\n")]
    wait_for(lambda: len(players(s)) == len(keep), 5, "all players")
    assert players(s) == ["127.0.0.1"] * 3 + ["198.51.100.9", CLIENT], players(s)
    s.wait_log(rf"RTMP connection from {CLIENT}:56324")
    refused = t.client(s.url("live/x"), shake=False)
    refused.send_raw(line("192.0.2.66"))
    handshake.client(refused)
    refused.connect()
    refused.play()
    refused.wait_closed()
    assert "192.0.2.66" not in players(s)


def test_a_header_of_a_stranger_is_not_believed(t):
    """Who is no trusted proxy gets nowhere with a PROXY header, and nothing by X-Forwarded-For."""
    s = start(t, more="trusted_proxies 10.0.0.0/8;")
    c = t.client(s.url("live/x"), shake=False)
    c.send_raw(line() + bytes(3000))
    c.wait_closed()
    r = httpc.Response(s.flv("live/x"), headers={"X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}"})
    assert r.status == 200
    wait_for(lambda: players(s) == ["127.0.0.1"], 5, "the player under its own address")
    assert CLIENT not in s.log()


def test_a_proxy_without_a_header_where_one_is_required(t):
    """proxy_protocol required: a connection without a header ends; off: a header is no RTMP."""
    s = start(t)
    for mode, header in (("required", b"\x03" + bytes(1536)), ("off", line() + bytes(3000)),
                         ("allowed", b"PROXY TCP4 nonsense\r\n" + bytes(3000))):
        s.write_conf(top.conf(RULES, top=f"trusted_proxies 127.0.0.1; proxy_protocol {mode};"))
        s.signal(1)
        s.wait_log(f"proxy_protocol: .* -> {mode}")

        def ends():
            c = t.client(s.url("live/x"), shake=False)
            c.send_raw(header)
            try:
                c.wait_closed(timeout=0.5)
                return True
            except Exception:
                return False
        wait_for(ends, 5, f"the end of a connection with proxy_protocol {mode}")


def test_http_viewers_behind_a_proxy(t):
    """X-Forwarded-For and Forwarded of a trusted proxy, one request at a time; where they differ nobody is believed."""
    s = start(t, more="trusted_proxies 127.0.0.1 10.0.0.0/8;")
    cases = [({"X-Forwarded-For": f"192.0.2.1, {CLIENT}, 10.0.0.3"}, CLIENT),
             ({"Forwarded": 'for=192.0.2.1, for="[2001:db8::7]:99", for=10.0.0.3'}, "2001:db8::7"),
             ({"X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}"}, CLIENT),
             ({"X-Forwarded-For": CLIENT, "Forwarded": "for=198.51.100.1"}, "0.0.0.0"),
             ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1"),
             ({}, "127.0.0.1")]
    for headers, address in cases:
        r = httpc.Response(s.flv("live/x"), headers=headers)
        assert r.status == 200
        wait_for(lambda: players(s) == [address], 5, f"{address} for {headers}")
        r.close()
        wait_for(lambda: not players(s), 5, "nobody")
    r = httpc.fetch(s.flv("live/x"), headers={"X-Forwarded-For": "192.0.2.66"})
    assert r.status == 403, "the rules look at the viewer's address"


def test_writes_through_a_proxy_on_this_host_are_not_local(t):
    """writes loopback: what a trusted proxy on this host passes on is from elsewhere, with or without a header."""
    api = "http_api { enabled on; listen 127.0.0.1:$api; writes loopback; }\n"
    s = t.server("srs", top.conf(api=False, top="trusted_proxies 127.0.0.1;" + api))
    for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": CLIENT}):
        assert httpc.fetch(s.api_url("/api/v1/clients/nobody"), "DELETE", headers).status == 403, headers


def test_places_are_those_of_the_clients_behind_a_proxy(t):
    """max_connections_per_address counts for each client of a proxy, and not for the proxy."""
    s = start(t, more="trusted_proxies 127.0.0.1; max_connections_per_address 3;")
    for i in range(12):
        play(t, s, line(f"198.51.100.{i}"))
    wait_for(lambda: len(players(s)) == 12, 5, "twelve players behind one proxy")
    held = [httpc.Response(s.flv("live/x"), headers={"X-Forwarded-For": CLIENT}) for _ in range(3)]
    assert [r.status for r in held] == [200] * 3
    more = [httpc.Response(s.flv("live/x"), headers={"X-Forwarded-For": CLIENT}).status for _ in range(6)]
    assert more == [503] * 6, more
    assert httpc.Response(s.flv("live/x"), headers={"X-Forwarded-For": "198.51.100.77"}).status == 200


HAPROXY = """
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend rtmp
    mode tcp
    bind $host:$in_rtmp
    default_backend rtmp
frontend rtmps
    mode tcp
    bind $host:$in_rtmps
    default_backend rtmps
frontend web
    mode http
    bind $host:$in_http
    option forwardfor
    default_backend web
backend rtmp
    mode tcp
    server srs 127.0.0.1:$rtmp send-proxy-v2 check check-send-proxy
backend rtmps
    mode tcp
    server srs 127.0.0.1:$rtmps send-proxy
backend web
    mode http
    server srs 127.0.0.1:$http send-proxy
"""


def test_haproxy_in_front(t):
    """HAProxy passes on RTMP (version 2), RTMPS (version 1, before TLS) and HTTP: each viewer has its own address."""
    t.need("haproxy")
    done = subprocess.run(["hostname", "-I"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    host = next((a for a in done.stdout.split() if "." in a), None)
    if not host:
        return
    os.makedirs(t.path("srs"))
    tls.make_pair(t.path("srs", "a"), host)
    ports = {k: free_port() for k in ("rtmps", "in_rtmp", "in_rtmps", "in_http")}
    s = t.server("srs", top.conf(RULES, top="trusted_proxies 127.0.0.1; rtmps { enabled on; listen 127.0.0.1:$rtmps; "
                                            "key ./a.key; cert ./a.crt; }\n"), values=ports)
    t.publish(s.url("live/x"))
    s.wait_live("x")
    text = HAPROXY.replace("$host", host)
    for k, v in sorted({**ports, "rtmp": s.rtmp, "http": s.http}.items(), key=lambda kv: -len(kv[0])):
        text = text.replace("$" + k, str(v))
    with open(t.path("haproxy.cfg"), "w") as f:
        f.write(text)
    t.spawn(["haproxy", "-db", "-f", t.path("haproxy.cfg")], "haproxy")

    def up():
        try:
            socket.create_connection((host, ports["in_rtmp"]), 1).close()
            return True
        except OSError:
            return False
    wait_for(up, 5, "haproxy")
    c = t.client(f"rtmp://{host}:{ports['in_rtmp']}/live/x").connect()
    c.play()
    e = t.client(f"rtmps://{host}:{ports['in_rtmps']}/live/x").connect()
    e.play()
    r = httpc.Response(f"http://{host}:{ports['in_http']}/live/x.flv")
    assert r.status == 200
    wait_for(lambda: len(players(s)) == 3, 5, "three players")
    assert players(s) == [host] * 3, players(s)
    assert c.wait(lambda m: m.type == rtmp.VIDEO) and e.wait(lambda m: m.type == rtmp.VIDEO)
    assert len(r.read(5)) > 0
