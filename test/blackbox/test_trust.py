"""Which servers and which callers are believed: signatures, addresses, passwords."""
import base64
import json
import os
import re
import subprocess
import time

import topology as top
from cluster_client import SECRET, SIGNED, names_of, refused, service_of, shape, sign, trees
from support import httpc, rtmp
from support.server import wait_for


def test_signed_mesh_works(t):
    """With one secret for all, the mesh redirects, shows its tree and kicks as before."""
    m, viewers = top.busy_tree(t, SIGNED)
    c = t.client(m.b.url("live/x")).connect()
    c.play()
    status = c.wait_status("NetConnection.Connect.Rejected")
    assert status.info["ex"]["redirect"] == f"rtmp://127.0.0.1:{m.a.rtmp}/live", status.info
    names = names_of(m.all)
    for s in m.all:
        target = "/api/v1/clusters/streams?stream=x"
        tree, = trees(s, "?stream=x", sign("GET", target, service_of(s)))
        assert shape(tree["origin"], names) == top.BUSY_SHAPE, (s.name, json.dumps(tree, indent=1))
    client = next(c for c in m.leaf.clients() if c["type"] == "rtmp-play")
    target = "/api/v1/clusters/clients/" + client["id"]
    assert m.b.json(target, "DELETE", headers=sign("DELETE", target, service_of(m.b)))["code"] == 0
    wait_for(lambda: any(p.ended for p in viewers["leaf"]), 3, "the end of the player")
    for s in m.all:
        counts = refused(s)
        assert counts["forged"] == counts["replayed"] == counts["late"] == counts["unsigned"] == 0, (s.name, counts)


def test_bad_signatures_are_refused_and_counted(t):
    """A query by an outsider, a replay, a late request and an unsigned kick are refused with 401 and counted."""
    m = top.Tree(t, SIGNED)
    t.publish(m.a.url("live/x"))
    probe = t.probe(m.a.url("live/x")).wait_frames(3)
    client = next(c for c in m.a.clients() if c["type"] == "rtmp-play")
    query = "/api/v1/clusters?vhost=__defaultVhost__&ip=127.0.0.1&app=live&stream=x&coworker=127.0.0.1:1"
    kick = "/api/v1/clusters/clients/" + client["id"]

    def ask(target, headers, method="GET"):
        r = httpc.fetch(m.a.api_url(target), method, headers)
        if r.status != 200:
            assert b"live" not in r.content and json.loads(r.content)["code"] == 1102, r.content
        return r.status
    me = service_of(m.a)
    good = sign("POST", query, me)
    assert ask(query, good, "POST") == 200
    assert ask(query, good, "POST") == 401, "a replay"
    assert ask(query, {}, "POST") == 401, "unsigned"
    assert ask(query, sign("POST", query, me, "another word"), "POST") == 401, "forged"
    assert ask(query, sign("GET", query, me), "POST") == 401, "of another method"
    assert ask(query + "&x=1", sign("POST", query, me), "POST") == 401, "of another query"
    assert ask(query, dict(sign("POST", query, "another"), **{"X-Srs-To": me}), "POST") == 401, "of another receiver"
    assert ask(query, sign("POST", query, me, at=time.time() - 31), "POST") == 401, "late"
    assert ask(query, sign("POST", query, me, at=time.time() + 31), "POST") == 401, "early"
    assert ask(query, sign("POST", query, me, at=time.time() - 20), "POST") == 200, "within the skew"
    assert ask(kick, {}, "DELETE") == 401, "an unsigned kick"
    for path in ("streams", "nodes", "clients/x", "clients"):
        assert ask("/api/v1/clusters/" + path, {}) == 401, path
    counts = refused(m.a)
    assert counts["replayed"] == 1 and counts["forged"] == 4 and counts["late"] == 2, counts
    assert counts["unsigned"] == 6, counts
    assert not probe.ended
    assert len(re.findall(r"127\.0\.0\.1 is refused", m.a.log())) == 1, "one line for an address and minute"


def test_a_coworker_with_another_secret_is_refused(t):
    """A coworker with another secret is not believed and learns nothing: its player is told StreamNotFound."""
    a, b = top.start_origins(t, more=["secret one;", "secret two;"])
    t.publish(a.url("live/x"))
    c = t.client(b.url("live/x")).connect()
    c.play()
    c.wait_status("NetStream.Play.StreamNotFound")
    assert refused(a)["forged"] == 1, refused(a)


def test_secret_from_a_file_and_its_reload(t):
    """The secret may be in a file; a reload reads it again; a file that is missing stops the start."""
    path = t.path("secret")

    def write(text):
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o644)
    write(SECRET + "\n")
    s = t.server("s", top.local(cluster=f"secret_file {path};"))
    target = "/api/v1/clusters/nodes"

    def asks(secret):
        return httpc.fetch(s.api_url(target), headers=sign("GET", target, service_of(s), secret)).status
    assert asks(SECRET) == 200 and asks("new") == 401
    s.wait_log("can be read or written by every user")
    write("new\n")
    s.signal(1)
    wait_for(lambda: asks("new") == 200, 5, "the new secret")
    assert asks(SECRET) == 401
    os.unlink(path)
    s.signal(1)
    s.wait_log("the secrets in use stay")
    assert asks("new") == 200
    done = t.run("-c", "x.conf", conf=top.string_of(
        "listen 127.0.0.1:$rtmp; daemon off; srs_log_tank console; pid ./x.pid; "
        "vhost __defaultVhost__ { cluster { secret_file ./nothing; } }", rtmp=top.spare(1)[0]))
    assert done.returncode != 0 and "nothing" in done.text, done.text


# ---- who may do what


def test_relays_only_from_these_addresses(t):
    """cluster.relays limits from where other servers are accepted; players are not concerned."""
    conf = top.local(cluster="relays 10.0.0.0/8 $other;")
    strict = t.server("strict", conf, values={"other": "127.0.0.2"})
    open_ = t.server("open", conf, values={"other": "127.0.0.0/8"})
    for s in (strict, open_):
        t.publish(s.url("live/x"))
        t.probe(s.url("live/x")).wait_frames(3)
    for origin, plays in ((open_, True), (strict, False)):
        edge = top.start_edge(t, origin, name="edge-" + origin.name)
        if plays:
            t.probe(edge.url("live/x")).wait_frames(3)
            continue
        c = t.client(edge.url("live/x")).connect()
        c.play()
        c.wait_closed(15)
        assert refused(origin)["relays"] >= 1, refused(origin)
    for origin, status in ((open_, 200), (strict, 403)):
        r = t.keep(httpc.Response(origin.flv("live/x"), headers={"X-SRS-Path": ",another"}))
        assert r.status == status, (origin.name, r.status)
    c = t.client(strict.url("live/x"))
    try:
        c.connect(args={"srs_pid": 7.0})
        raise AssertionError("a relay was accepted")
    except rtmp.Refused as e:
        assert "NetConnection.Connect.Rejected" in str(e), e


def kick_status(server, headers=None, suffix=""):
    return httpc.fetch(server.api_url("/api/v1/clients/nobody" + suffix), "DELETE" if not suffix else "GET",
                       headers=headers).status


def test_writes_with_a_password_only(t):
    """writes auth: reading is free, changing needs name and password."""
    s = t.server("srs", top.local().replace(
        "http_api {", "http_api { writes auth; auth { username admin; password secret; } "
                      "raw_api { enabled on; allow_reload on; }"))
    good = {"Authorization": "Basic " + base64.b64encode(b"admin:secret").decode()}
    bad = {"Authorization": "Basic " + base64.b64encode(b"admin:wrong").decode()}
    assert httpc.fetch(s.api_url("/api/v1/clients/")).status == 200
    assert kick_status(s) == 401 and kick_status(s, bad) == 401 and kick_status(s, good) == 200
    # JSONP is read-only: nobody is disconnected by a GET.
    assert kick_status(s, None, "?callback=f&method=DELETE") == 200
    for head, want in (({}, 401), (good, 200)):
        assert httpc.fetch(s.api_url("/api/v1/raw?rpc=reload"), headers=head).status == want
        assert httpc.fetch(s.api_url("/api/v1/clusters/clients/nobody"), "DELETE", head).status == want
    assert httpc.fetch(s.api_url("/api/v1/raw?rpc=raw")).status == 200
    assert refused(s)["writes"] == 4 and refused(s)["passwords"] == 1, refused(s)


def test_writes_from_this_host_only(t):
    """writes loopback: a caller from another address, or a page in a browser, changes nothing."""
    host = other_address()
    s = t.server("srs", top.conf().replace("listen 127.0.0.1:$api", "listen $api; writes loopback"))
    assert kick_status(s) == 200
    assert kick_status(s, {"Origin": "http://evil.example"}) == 403
    assert kick_status(s, {"X-Forwarded-For": "10.0.0.1"}) == 403
    if host:
        far = f"http://{host}:{s.api}/api/v1/clients/"
        assert httpc.fetch(far).status == 200
        assert httpc.fetch(far + "nobody", "DELETE").status == 403


def other_address():
    """An address of this host that is not loopback, or None."""
    done = subprocess.run(["hostname", "-I"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return next((a for a in done.stdout.split() if "." in a), None)


def test_password_of_writes_is_checked_by_the_configuration(t):
    """writes auth without a password is a mistake that is named."""
    done = t.run("-t", "-c", "x.conf", conf="listen 1935; http_api { enabled on; writes auth; } "
                                            "vhost __defaultVhost__ { }")
    assert done.returncode != 0 and "writes auth" in done.text, done.text
    done = t.run("-t", "-c", "x.conf", conf="listen 1935; vhost __defaultVhost__ { cluster { relays 10.0.0.0/33; } }")
    assert done.returncode != 0 and "ip/bits" in done.text, done.text
