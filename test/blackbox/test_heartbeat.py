"""A server that reports itself: heartbeat."""
import fcntl
import signal
import socket
import struct

import topology as top
from support import httpc, tls
from support.hookserver import HookServer
from support.server import wait_for


def beats(t, more="", say=(200, "0"), **kw):
    service = t.keep(HookServer(say=say))
    s = t.server("s", top.conf("", top=f"heartbeat {{ enabled on; interval 0.2; url {service.url('/hb')}; {more} }}\n"),
                 **kw)
    return s, service, wait_for(lambda: service.heard and service.heard[0], what="a heartbeat")


def test_heartbeat_says_who_is_there(t):
    """At each interval the service gets what SRS posts."""
    s, service, said = beats(t, "device_id dev1;", env={"SRS_DEVICE_IP": "192.0.2.7"})
    about = httpc.fetch_json(s.api_url("/api/v1/versions"))
    assert [k for k in said if k[0] != "_"] == ["device_id", "ip", "server", "service", "pid"], said
    assert said["device_id"] == "dev1" and said["ip"] == "192.0.2.7" and said["pid"] == str(s.pid), said
    assert (said["server"], said["service"]) == (about["server"], about["service"]), said
    wait_for(lambda: len(service.heard) >= 3, what="further heartbeats")


def test_heartbeat_to_a_service_of_another_name(t):
    """A service over HTTPS is told when its certificate has the name of `tls_name`, and not under that of its address."""
    tls.make_pair(t.path("hb"), "monitor.example")
    cert = t.path("hb.crt"), t.path("hb.key")
    service = t.keep(HookServer(cert=cert))
    for name, more in (("bare", ""), ("named", "tls_name monitor.example;")):
        s = t.server(name, top.conf("", top=f"tls_ca {cert[0]}; heartbeat {{ enabled on; interval 0.2; url {service.url('/hb')}; "
                                            f"{more} }}\n"))
        if more:
            wait_for(lambda: service.heard, 10, "a heartbeat")
        else:
            s.wait_log("heartbeat: .* cannot be told: .*mismatch", 10)
            assert not service.heard
            s.stop()


def addresses():
    """The first IPv4 address of each of the machine's interfaces."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        for _, name in socket.if_nameindex():
            try:
                found.append(socket.inet_ntoa(fcntl.ioctl(u, 0x8915, struct.pack("256s", name.encode()))[20:24]))   # SIOCGIFADDR
            except OSError:
                pass
    return found


def is_loopback(address):
    return address.startswith("127.") or address == "::1"


def test_heartbeat_tells_the_address_that_stats_names(t):
    """`stats.network` says which of the machine's addresses is told: the loopback is behind all others, and a number beyond the
    last one means the first."""
    told = []
    for n in (0, 1, 2, 1000):
        service = t.keep(HookServer(say=(200, "0")))
        s = t.server(f"s{n}", top.conf("", top=f"stats {{ network {n}; }} heartbeat {{ enabled on; interval 0.1; url {service.url()}; }}\n"),
                     env={"SRS_DEVICE_IP": ""})
        told.append(wait_for(lambda: service.heard and service.heard[0], 10, "a heartbeat")["ip"])
        s.stop()
    assert told[0] in ([x for x in addresses() if not is_loopback(x)] or ["127.0.0.1"]), (told, addresses())
    assert told[3] == told[0] and told[1] != told[2] or told[1:] == told[:1] * 3, told
    assert not is_loopback(told[1]) or is_loopback(told[2]) or told[2] == told[0], told


def test_heartbeat_with_ports_and_summaries(t):
    """Where it listens and how it is doing are told when that is wanted; the address is one of the machine."""
    s, _, said = beats(t, "ports on; summaries on;")
    assert said["rtmp"] == [f"127.0.0.1:{s.rtmp}"] and said["http"] == [f"127.0.0.1:{s.http}"], said
    assert said["api"] == [f"127.0.0.1:{s.api}"] and said["summaries"]["self"]["pid"] == s.pid, said
    assert said["ip"].count(".") == 3 or ":" in said["ip"], said


def test_heartbeat_to_nobody(t):
    """A service that is away, or answers rubbish, is told of once; a reload ends the reports."""
    s, service, _ = beats(t, say=(500, "no"))
    s.wait_log("heartbeat: .* cannot be told: .*status 500")
    wait_for(lambda: len(service.heard) >= 4, what="further heartbeats")
    service.say = (200, '{"code":7}')
    s.wait_log("heartbeat: .* is told again")
    assert s.log().count("cannot be told") == 1, s.log()
    s.write_conf(top.conf(""))
    s.signal(signal.SIGHUP)
    s.wait_log("the new configuration is in use")
    told = len(service.heard)
    wait_for(lambda: s.json("/api/v1/summaries")["code"] == 0 and len(service.heard) <= told + 1, what="silence")
