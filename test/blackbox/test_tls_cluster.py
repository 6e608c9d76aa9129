"""Servers that reach each other over TLS: edges, coworkers, redirects."""
import os

import topology as top
from support import httpc, rtc, tls
from support.server import free_port, wait_for

PAIR = "key {0}.key; cert {0}.crt;"


def pair(t, name="ca", *names):
    """A certificate for the servers of a case, which is also what the others trust."""
    path = t.path(name)
    tls.make_pair(path, *(names or ("localhost", "127.0.0.1")))
    return path


def origin(t, name, path, vhost="", more=""):
    """An origin whose ports all take both, with and without encryption; its rtmps port is another one."""
    files = PAIR.format(path)
    conf = ("listen 127.0.0.1:$rtmp;" + top.COMMON + more +
            f"rtmps {{ enabled on; listen 127.0.0.1:$rtmps; {files} }}\n"
            f"http_server {{ enabled on; listen 127.0.0.1:$http; https {{ enabled on; listen 127.0.0.1:$https; {files} }} }}\n"
            f"http_api {{ enabled on; listen 127.0.0.1:$api; https {{ enabled on; listen 127.0.0.1:$api; {files} }} }}\n"
            f"vhost __defaultVhost__ {{ http_remux {{ enabled on; }} {vhost} }}\n")
    return t.server(name, conf, values={"rtmps": free_port(), "https": free_port()})


def edge(t, name, origins, protocol, more, ca=None):
    conf = ("listen 127.0.0.1:$rtmp;" + top.COMMON + (f"tls_ca {ca}.crt;\n" if ca else "") + top.API + top.HTTP +
            f"vhost __defaultVhost__ {{ {top.REMUX} cluster {{ mode remote; protocol {protocol}; origin {origins}; "
            f"{more} }} }}\n")
    return t.server(name, conf)


def test_an_edge_pulls_and_pushes_encrypted(t):
    """`protocol rtmps`: what an edge fetches and what is published at it goes over TLS, both ways."""
    ca = pair(t)
    o = origin(t, "origin", ca)
    e = edge(t, "edge", f"127.0.0.1:{o.values['rtmps']}", "rtmps", "", ca)
    t.publish(o.url("live/a"))
    t.probe(e.url("live/a")).wait_frames(30, 10)
    t.probe(e.flv("live/a")).wait_frames(30, 10)
    t.publish(e.url("live/b"))
    t.probe(o.url("live/b")).wait_frames(30, 10)
    shakes = o.json("/api/v1/certificates")["handshakes"]
    assert shakes["accepted"] >= 2 and shakes["refused"] == 0, shakes


def test_an_edge_fetches_over_https(t):
    """`protocol flvs`: an edge fetches HTTP-FLV over TLS."""
    ca = pair(t)
    o = origin(t, "origin", ca)
    e = edge(t, "edge", f"127.0.0.1:{o.values['https']}", "flvs", "", ca)
    t.publish(o.url("live/a"))
    t.probe(e.url("live/a")).wait_frames(30, 10)
    assert o.json("/api/v1/certificates")["handshakes"]["accepted"] >= 1


def test_an_edge_over_https_pushes_to_the_port_of_rtmps(t):
    """`protocol flvs` with ports: `push_origin` names the RTMPS port that published streams go to."""
    ca = pair(t)
    o = origin(t, "origin", ca)
    e = edge(t, "edge", f"127.0.0.1:{o.values['https']}", "flvs", f"push_origin 127.0.0.1:{o.values['rtmps']};", ca)
    t.publish(e.url("live/a"))
    t.probe(o.url("live/a")).wait_frames(30, 10)
    t.publish(o.url("live/b"))
    t.probe(e.url("live/b")).wait_frames(30, 10)


def test_an_origin_that_cannot_prove_its_name_is_not_used(t):
    """An edge refuses an origin of another name or authority with a reason, takes it with `tls_name`, and with
    `tls_verify off`."""
    ca, other = pair(t, "ca", "origin.example"), pair(t, "other")
    o = origin(t, "origin", ca)
    t.publish(o.url("live/a"))
    at = f"127.0.0.1:{o.values['rtmps']}"
    for n, (more, trusted, reason) in enumerate((("", ca, "IP address mismatch"),
                                                 ("tls_name origin.example;", other, "self-signed certificate"),
                                                 ("tls_name other.example;", ca, "hostname mismatch"))):
        e = edge(t, f"refuses{n}", at, "rtmps", more, trusted)
        p = t.probe(e.url("live/a"))
        e.wait_log(f"is not trusted: {reason}", 10)
        assert not p.frames()
        p.stop()
    for name, more, trusted in (("named", "tls_name origin.example;", ca), ("blind", "", None)):
        e = edge(t, name, at, "rtmps", more, trusted)
        if name == "blind":
            e.write_conf("tls_verify off;\n" + e.conf)
            e.signal(1)
            e.wait_log("the new configuration is in use")
        t.probe(e.url("live/a")).wait_frames(20, 10)


def mesh(t, ca, on_miss, more=""):
    ports = [free_port(), free_port()]
    out = []
    for i, name in enumerate(("one", "two")):
        vhost = (f"cluster {{ mode local; origin_cluster on; on_miss {on_miss}; coworkers_https on; {more}"
                 f"coworkers 127.0.0.1:{ports[1 - i]}; }}")
        s = origin(t, name, ca, vhost, f"tls_ca {ca}.crt;\n")
        conf = s.conf.replace(f"http_api {{ enabled on; listen 127.0.0.1:{s.api}; https {{ enabled on; "
                              f"listen 127.0.0.1:{s.api}", f"http_api {{ enabled on; listen 127.0.0.1:{ports[i]}; "
                              f"https {{ enabled on; listen 127.0.0.1:{ports[i]}")
        s.stop()
        s.write_conf(conf)
        s.api = ports[i]
        s.start()
        out.append(s)
    return out


def test_coworkers_are_asked_over_https_and_redirects_keep_the_scheme(t):
    """Coworkers ask each other over HTTPS; a client of RTMPS or HTTPS is sent to an encrypted port, others to a
    plain one."""
    ca = pair(t)
    one, two = mesh(t, ca, "redirect")
    t.publish(one.url("live/a"))
    one.wait_live("a")
    base = f"https://127.0.0.1:{two.values['https']}/live/a.flv"
    r = httpc.fetch(base)
    assert r.status == 302, r.status
    assert r.headers["location"] == f"https://127.0.0.1:{one.values['https']}/live/a.flv", r.headers
    r = httpc.fetch(two.flv("live/a"))
    assert r.headers["location"] == f"http://127.0.0.1:{one.http}/live/a.flv", r.headers
    for url, want in ((f"rtmps://127.0.0.1:{two.values['rtmps']}/live/a", f"rtmps://127.0.0.1:{one.values['rtmps']}/live"),
                      (two.url("live/a"), f"rtmp://127.0.0.1:{one.rtmp}/live")):
        c = t.client(url)
        c.connect()
        c.create_stream()
        c.play()
        told = c.wait_command(lambda m: "redirect" in repr(m))
        assert want in repr(told), told
    shakes = wait_for(lambda: one.json("/api/v1/certificates")["handshakes"], 5, "figures")
    assert shakes["accepted"] >= 1, shakes
    assert os.path.exists(ca + ".key")


def test_an_origin_relays_over_tls(t):
    """`on_miss relay` with `protocol rtmps`: players of an origin that lacks the stream get it, and what the origins
    say to each other is encrypted."""
    one, two = mesh(t, pair(t), "relay", "protocol rtmps; ")
    t.publish(one.url("live/a"))
    one.wait_live("a")
    for url in (f"rtmps://127.0.0.1:{two.values['rtmps']}/live/a", two.url("live/a"),
                f"https://127.0.0.1:{two.values['https']}/live/a.flv"):
        t.probe(url).wait_frames(10, 10)
    assert two.stream("a")["relay"]["peer"] == f"127.0.0.1:{one.values['rtmps']}", two.stream("a")
    assert len(one.clients()) == 2, one.clients()


def test_a_page_is_passed_on_to_an_origin_of_another_name(t):
    """An origin that asks its coworker over HTTPS for a browser's session expects the name of `tls_name`, as for all else."""
    path = pair(t, "ca", "origin.example")
    of_a, of_b = free_port(), free_port()

    def member(name, port, other):
        files = PAIR.format(path)
        return t.server(name, "listen 127.0.0.1:$rtmp;" + top.COMMON + rtc.SERVER % "" + f"tls_ca {path}.crt;\n"
                        f"http_api {{ enabled on; listen 127.0.0.1:$api; https {{ enabled on; listen 127.0.0.1:$api; {files} }} }}\n"
                        f"http_server {{ enabled on; listen 127.0.0.1:$http; https {{ enabled on; listen 127.0.0.1:$https; {files} }} }}\n"
                        f"rtmps {{ enabled on; listen 127.0.0.1:$rtmps; {files} }}\n"
                        f"vhost __defaultVhost__ {{ http_remux {{ enabled on; }} {rtc.VHOST % ''} cluster {{ mode local; origin_cluster on; coworkers_https on; "
                        f"tls_name origin.example; coworkers 127.0.0.1:{other}; on_miss redirect; }} }}\n", values={"api": port, "https": free_port(), "rtmps": free_port()})
    a, b = member("a", of_a, of_b), member("b", of_b, of_a)
    t.publish(b.url("live/x"))
    b.wait_live("x")
    r = httpc.fetch(f"https://127.0.0.1:{a.api}/rtc/v1/whep/?app=live&stream=x", "POST",
                    {**rtc.SDP, "Origin": "https://page.example.com"}, rtc.offer(rtc.PLAY))
    assert r.status == 201, (r.status, r.content, a.tail())
    assert r.headers["location"].startswith(f"https://127.0.0.1:{b.values['https']}/"), r.headers
    rtc.wait_sessions(b, 1)
    assert not rtc.api(a)["sessions"]
