"""The cluster as one: trees of servers, a kick anywhere, signatures, and who is kept out."""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse

import topology as top
from support import SCALE, httpc, rtmp
from support.server import median, seconds_of, wait_for, within

SCRIPT = os.path.join(top.HERE, "..", "..", "scripts", "cluster")
SECRET = "a word that nobody knows"


class Mesh:
    """Two origins, two edges in front of both, and an edge behind the first edge."""

    def __init__(self, t, more="", leaf_more=None):
        api_a, api_b = top.spare()
        self.a = t.server("a", top.clustered(f"127.0.0.1:{api_b}", more), values={"api": api_a})
        self.b = t.server("b", top.clustered(f"127.0.0.1:{api_a}", more), values={"api": api_b})
        both = f"127.0.0.1:{self.a.rtmp} 127.0.0.1:{self.b.rtmp}"
        self.e1 = t.server("e1", top.edge(both, more))
        self.e2 = t.server("e2", top.edge(both, more))
        self.leaf = t.server("leaf", top.edge(f"127.0.0.1:{self.e1.rtmp}",
                                              more if leaf_more is None else leaf_more))
        self.all = (self.a, self.b, self.e1, self.e2, self.leaf)


def service_of(server):
    """The id of this start of the server, for which requests to it are signed."""
    return server.json("/api/v1/versions")["service"]


def sign(method, target, to, secret=SECRET, at=None, nonce=None, body=b""):
    """The header lines of a request that is signed for the server of that id."""
    at = str(int((time.time() if at is None else at) * 1000))
    nonce = nonce or os.urandom(16).hex()
    text = "\n".join(("srs-cluster-2", to, method, target, hashlib.sha256(body).hexdigest(), at, nonce, ""))
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"X-Srs-To": to, "X-Srs-Time": at, "X-Srs-Nonce": nonce, "X-Srs-Sign": mac}


def trees(server, query="", headers=None):
    answer = server.json("/api/v1/clusters/streams" + query, headers=headers)
    assert answer["code"] == 0 and answer["server"], answer
    return answer["streams"]


def shape(node, names):
    """A tree as nested names of servers: ("a", 2, [("e1", 1, [])])."""
    return (names.get(node["node"], node["node"]), node.get("viewers"),
            sorted((shape(n, names) for n in node["relays"]), key=str))


def names_of(mesh, headers=None):
    path = "/api/v1/versions"
    return {s.json(path, headers=headers)["service"]: s.name for s in mesh}


def busy(t, more=""):
    """A stream at origin a with a viewer there, two at e1, one at e2 and three at the leaf."""
    m = Mesh(t, more)
    t.publish(m.a.url("live/x"), mark=True)
    viewers = {}
    for server, count in ((m.a, 1), (m.e1, 2), (m.e2, 1), (m.leaf, 3)):
        viewers[server.name] = [t.probe((server.flv if n % 2 else server.url)("live/x")) for n in range(count)]
        for p in viewers[server.name]:
            p.wait_frames(5)
    return m, viewers


WANT = ("a", 1, [("e1", 2, [("leaf", 3, [])]), ("e2", 1, [])])


def test_every_server_shows_the_same_tree(t):
    """Whichever server is asked: where the stream is, who pulls it, and how many watch it in all."""
    m, _ = busy(t)
    names = names_of(m.all)
    times = []
    for s in m.all:
        for query in ("?vhost=__defaultVhost__&app=live&stream=x", "?stream=x", ""):
            began = time.monotonic()
            found = trees(s, query)
            assert len(found) == 1, (s.name, query, found)
            tree = found[0]
            assert shape(tree["origin"], names) == WANT, (s.name, query, json.dumps(tree, indent=1))
            assert tree["viewers_total"] == 7 and tree["nodes"] == 4 and tree["unknown"] == 0, tree
            times.append(time.monotonic() - began)
    assert median(times) < 1.0 * SCALE and max(times) < 5.0 * SCALE, times
    assert (tree["stream"], tree["app"], tree["name"]) == ("/live/x", "live", "x"), tree


def test_the_tree_tells_lag_and_age(t):
    """Each hop has its lag, each server the age of its last picture, its ports and its kind."""
    m, _ = busy(t)

    def check(node, kind):
        assert node["known"] and node["kind"] == kind and node["state"] == "live", node
        assert 0 <= node["age_ms"] < 2000 * SCALE, node
        assert re.match(r".*:\d+$", node["api"]) and re.match(r".*:\d+$", node["rtmp"]), node
        if kind == "pull":
            assert 0 <= node["lag_ms"] < 3000 * SCALE and node["peer"] and node["switches"] >= 0, node
        for below in node["relays"]:
            check(below, "pull")
    root = trees(m.leaf, "?stream=x")[0]["origin"]
    check(root, "publish")
    assert root["api"] == f"127.0.0.1:{m.a.api}" and root["viewers_total"] == 7, root


def test_a_stream_published_at_an_edge(t):
    """A stream that an edge pushes is one tree: the origin, and the edge with its own viewers below it."""
    m = Mesh(t)
    names = names_of(m.all)
    t.publish(m.e1.url("live/p"))
    t.probe(m.e1.url("live/p")).wait_frames(5)
    t.probe(m.leaf.url("live/p")).wait_frames(5)
    for s in m.all:
        found = trees(s, "?stream=p")
        assert len(found) == 1, (s.name, json.dumps(found, indent=1))
        root = found[0]["origin"]
        assert names[root["node"]] in "ab" and found[0]["viewers_total"] == 2, (s.name, found)
        edge, = root["relays"]
        assert (names[edge["node"]], edge["kind"], edge["viewers"]) == ("e1", "push", 1), edge
        assert shape(edge, names) == ("e1", 1, [("leaf", 1, [])]), edge
        assert edge["lag_ms"] >= 0, edge


def test_many_streams_and_filters(t):
    """Without a filter all streams of all origins are shown, each once; what nobody has is an empty list."""
    m = Mesh(t)
    for n in range(6):
        t.publish((m.b if n % 2 else m.a).url(f"live/s{n}"))
        t.probe((m.e1 if n % 3 else m.leaf).url(f"live/s{n}")).wait_frames(3)
    for s in m.all:
        found = trees(s)
        assert sorted(x["name"] for x in found) == [f"s{n}" for n in range(6)], (s.name, found)
        assert sum(x["viewers_total"] for x in found) == 6, (s.name, found)
        assert trees(s, "?stream=nobody") == [] and trees(s, "?app=other") == []
        assert [x["name"] for x in trees(s, "?app=live&stream=s3")] == ["s3"]


def test_a_coworker_that_relays_is_asked_as_both(t):
    """What a coworker publishes is shown although it also relays a stream of the one that is asked."""
    m = Mesh(t, "on_miss relay;")
    names = names_of(m.all)
    t.publish(m.a.url("live/x"))
    t.publish(m.b.url("live/y"))
    t.probe(m.b.url("live/x")).wait_frames(3)
    found = {tree["name"]: shape(tree["origin"], names) for tree in trees(m.a)}
    assert found == {"x": ("a", 0, [("b", 1, [])]), "y": ("b", 0, [])}, found


def test_an_edge_that_never_pulled_knows_where_streams_are(t):
    """An edge that has not fetched anything yet asks its origins all the same, unless there is no time for it: that is
    no failure of theirs."""
    m = Mesh(t)
    t.publish(m.b.url("live/x"))
    for timeout in (0, 1):
        assert trees(m.leaf, f"?stream=x&timeout={timeout}") == []
    origins = [n for n in m.leaf.json("/api/v1/clusters/nodes")["nodes"] if n["kind"] == "origin"]
    assert all(n["failures"] == 0 for n in origins), origins
    tree, = trees(m.leaf, "?stream=x")
    assert names_of(m.all)[tree["origin"]["node"]] == "b" and tree["viewers_total"] == 0, tree


def test_relays_without_an_api_are_leaves(t):
    """An edge without an API is in the tree with the viewers that it tells of on its connection, its own and those of
    the edges behind it; a SRS edge with viewers that nobody knows."""
    origin = t.server("origin", top.local())
    edge = t.server("edge", top.edge(f"127.0.0.1:{origin.rtmp}").replace(top.API, ""))
    leaf = t.server("leaf", top.edge(f"127.0.0.1:{edge.rtmp}").replace(top.API, ""))
    srs = t.srs(mode="remote", origins=[f"127.0.0.1:{origin.rtmp}"])
    t.publish(origin.url("live/x"))
    probes = [t.probe(url).wait_frames(3) for url in (edge.url("live/x"), edge.flv("live/x"), leaf.url("live/x"),
                                                      srs.url("live/x"))]

    def told(players):
        tree, = trees(origin)
        assert tree["unknown"] == 1 and tree["nodes"] == 3, tree
        for relay in tree["origin"]["relays"]:
            assert not relay["known"] and relay["why"] and relay["ip"] == "127.0.0.1", relay
            assert relay["lag_ms"] >= 0, relay
        return sorted(r.get("viewers", -1) for r in tree["origin"]["relays"]) == [-1, players] and \
            tree["viewers_total"] == players
    wait_for(lambda: told(3), 5 * SCALE, "three players at and behind the edge")
    probes[2].stop()
    wait_for(lambda: told(2), 10 * SCALE, "one has left")
    # A push tells of them too.
    t.publish(edge.url("live/y"))
    t.probe(edge.url("live/y")).wait_frames(3)
    wait_for(lambda: [r.get("viewers") for r in trees(origin, "?stream=y")[0]["origin"]["relays"]] == [1],
             10 * SCALE, "the player beside the encoder")


def test_a_silent_server_costs_one_deadline(t):
    """Frozen servers cost the one deadline, and the rest of the tree is there."""
    m, _ = busy(t, "query_timeout 600;")
    names = names_of(m.all)
    m.b.freeze()
    m.e2.freeze()
    found = []
    try:
        within(0.9, lambda: seconds_of(lambda: found.append(trees(m.a, "?stream=x"))))
    finally:
        m.b.thaw()
        m.e2.thaw()
    tree, = found[0]
    shapes = {names[n["node"]]: n for n in tree["origin"]["relays"]}
    assert not shapes["e2"]["known"] and "time" in shapes["e2"]["why"], shapes["e2"]
    assert shape(shapes["e1"], names) == ("e1", 2, [("leaf", 3, [])]), shapes["e1"]
    assert tree["viewers_total"] == 6 and tree["unknown"] == 1, tree


def test_a_question_goes_so_many_hops(t):
    """Servers beyond the hops of a question are leaves whose viewers nobody knows."""
    m, _ = busy(t)
    names = names_of(m.all)
    for hops, known in ((0, {"a"}), (1, {"a", "e1", "e2"}), (2, {"a", "e1", "e2", "leaf"})):
        tree, = trees(m.a, f"?stream=x&hops={hops}")

        def found(node):
            return {names[node["node"]]: node["known"]} | {k: v for n in node.get("relays", []) for k, v in found(n).items()}
        answer = found(tree["origin"])
        assert {name for name, is_known in answer.items() if is_known} == known, (hops, answer)
    tree, = trees(m.a, "?stream=x&hops=1000000")
    assert tree["viewers_total"] == 7, "more than hop_limit is hop_limit"


def test_an_origin_of_srs(t):
    """An edge of an origin that tells no API shows what it knows itself."""
    origin = t.srs(mw_latency=0.01)
    edge = t.server("edge", top.edge(origin.address))
    t.publish(origin.url("live/x"))
    t.probe(edge.url("live/x")).wait_frames(3)
    tree, = trees(edge)
    assert tree["viewers_total"] == 1 and tree["origin"]["kind"] == "pull", tree
    assert tree["origin"]["peer"] == origin.address and tree["origin"]["why"], tree


def test_rubbish_from_a_relay(t):
    """Answers that are no trees, nest without end or are huge do no harm."""
    answers = [b"{\"code\":0,\"streams\":[{\"stream\":1,\"origin\":[]}]}", b"[" * 200000,
               b"{\"streams\":" + b"[{\"origin\":{\"relays\":" * 5000, b"\"" + b"x" * 3000000 + b"\"", b"not json",
               b"{\"code\":0,\"streams\":[{\"stream\":\"/live/x\",\"origin\":{\"relay\":\"r0\",\"viewers\":-5,"
               b"\"known\":true,\"relays\":[1,{},null]}}]}"]
    origin = t.server("origin", top.local())
    t.publish(origin.url("live/x"))
    for n, body in enumerate(answers):
        def handler(sock, body=body):
            sock.settimeout(2)
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        api = t.listen(handler)
        c = t.client(origin.url("live/x"))
        c.connect(args={"srs_pid": 7.0, "srs_id": "r0", "srs_node": f"fake{n}", "srs_api": float(api.port)})
        c.play()
        wait_for(lambda n=n: len(trees(origin)[0]["origin"]["relays"]) == n + 1, 3, "the relay")
    tree, = trees(origin)
    assert tree["viewers_total"] == 0, tree


def test_nodes(t):
    """nodes tells which servers there are around one, which of them are alive, and how fast they answer."""
    m = Mesh(t, "query_timeout 500;")
    t.publish(m.a.url("live/x"))
    t.probe(m.e1.url("live/x")).wait_frames(3)
    answer = m.a.json("/api/v1/clusters/nodes")
    assert answer["self"]["role"] == "origin" and answer["self"]["server"] == answer["server"], answer
    kinds = {n["kind"]: n for n in answer["nodes"]}
    assert kinds["coworker"]["name"] == f"127.0.0.1:{m.b.api}" and kinds["coworker"]["alive"], answer
    assert 0 <= kinds["coworker"]["answer_ms"] < 500 * SCALE and kinds["coworker"]["server"], answer
    assert kinds["relay"]["streams"] == 1 and kinds["relay"]["api"] == f"127.0.0.1:{m.e1.api}", answer
    assert "origin" not in kinds
    hurried = m.a.json("/api/v1/clusters/nodes?timeout=0")["nodes"]
    assert not next(n for n in hurried if n["kind"] == "coworker")["alive"], hurried
    again = next(n for n in m.a.json("/api/v1/clusters/nodes")["nodes"] if n["kind"] == "coworker")
    assert again["alive"] and again["failures"] == 0, again
    edge = m.e1.json("/api/v1/clusters/nodes")
    assert any(n["kind"] == "origin" and n["alive"] and n["connect_ms"] >= 0 for n in edge["nodes"]), edge
    m.b.stop()
    down = next(n for n in m.a.json("/api/v1/clusters/nodes")["nodes"] if n["kind"] == "coworker")
    assert not down["alive"] and down["why"], down
    down = next(n for n in m.a.json("/api/v1/clusters/nodes")["nodes"] if n["kind"] == "coworker")
    assert down["failures"] >= 1 and down["last_failure"]["reason"], down


def test_kick_anywhere(t):
    """A client is disconnected by a call to any server, and no other client is."""
    m, viewers = busy(t)
    ids = names_of(m.all)
    for asked, where in ((m.b, m.leaf), (m.leaf, m.e2), (m.e2, m.a), (m.a, m.e1)):
        client = next(c for c in where.clients() if c["type"] == "rtmp-play" and c["ip"] and
                      not is_relay(where, c["id"]))
        answer = asked.json("/api/v1/clusters/clients/" + client["id"], "DELETE")
        assert answer["code"] == 0 and ids[answer["node"]] == where.name, (asked.name, answer)
        wait_for(lambda c=client, w=where: all(x["id"] != c["id"] for x in w.clients()), 3, "the end of it")
    def gone():
        return sorted(name for name, probes in viewers.items() for p in probes if p.ended)
    wait_for(lambda: gone() == ["a", "e1", "e2", "leaf"], 3, "the end of the four that were kicked")
    assert m.b.json("/api/v1/clusters/clients/nobody", "DELETE")["code"] == 2049
    assert httpc.fetch(m.b.api_url("/api/v1/clusters/clients/nobody")).status == 405


def is_relay(server, client):
    tree, = trees(server, "?stream=x")

    def clients(node):
        return {node.get("client")}.union(*(clients(n) for n in node["relays"]))
    return client in clients(tree["origin"])


# ---- signatures


def refused(server):
    path = "/api/v1/summaries"
    return server.json(path)["data"]["cluster"]["refused"]


def test_signed_mesh_works(t):
    """With one secret for all, the mesh redirects, shows its tree and kicks as before."""
    m, viewers = busy(t, f'secret "{SECRET}";')
    c = t.client(m.b.url("live/x")).connect()
    c.play()
    status = c.wait_status("NetConnection.Connect.Rejected")
    assert status.info["ex"]["redirect"] == f"rtmp://127.0.0.1:{m.a.rtmp}/live", status.info
    names = names_of(m.all)
    for s in m.all:
        target = "/api/v1/clusters/streams?stream=x"
        tree, = trees(s, "?stream=x", sign("GET", target, service_of(s)))
        assert shape(tree["origin"], names) == WANT, (s.name, json.dumps(tree, indent=1))
    client = next(c for c in m.leaf.clients() if c["type"] == "rtmp-play")
    target = "/api/v1/clusters/clients/" + client["id"]
    assert m.b.json(target, "DELETE", headers=sign("DELETE", target, service_of(m.b)))["code"] == 0
    wait_for(lambda: any(p.ended for p in viewers["leaf"]), 3, "the end of the player")
    for s in m.all:
        counts = refused(s)
        assert counts["forged"] == counts["replayed"] == counts["late"] == counts["unsigned"] == 0, (s.name, counts)


def test_strangers_are_refused_and_counted(t):
    """A stranger's query, a replay, a late request and an unsigned kick are refused with 401 and counted."""
    m = Mesh(t, f'secret "{SECRET}";')
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
    assert ask(query, {}, "POST") == 401, "a stranger"
    assert ask(query, sign("POST", query, me, "another word"), "POST") == 401, "forged"
    assert ask(query, sign("GET", query, me), "POST") == 401, "of another method"
    assert ask(query + "&x=1", sign("POST", query, me), "POST") == 401, "of another question"
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


def test_a_member_with_another_secret_is_a_stranger(t):
    """A coworker with another secret is not believed and learns nothing: its player hears StreamNotFound."""
    api_a, api_b = top.spare()
    a = t.server("a", top.clustered(f"127.0.0.1:{api_b}", "secret one;"), values={"api": api_a})
    b = t.server("b", top.clustered(f"127.0.0.1:{api_a}", "secret two;"), values={"api": api_b})
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
    s = t.server("s", top.local().replace("publish {", f"cluster {{ secret_file {path}; }} publish {{"))
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
    conf = top.local().replace("publish {", "cluster { relays 10.0.0.0/8 $other; } publish {")
    strict = t.server("strict", conf, values={"other": "127.0.0.2"})
    open_ = t.server("open", conf, values={"other": "127.0.0.0/8"})
    for s in (strict, open_):
        t.publish(s.url("live/x"))
        t.probe(s.url("live/x")).wait_frames(3)
    for origin, plays in ((open_, True), (strict, False)):
        edge = t.server("edge-" + origin.name, top.edge(f"127.0.0.1:{origin.rtmp}"))
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
    assert kick_status(s, None, "?callback=f&method=DELETE") == 401
    assert kick_status(s, good, "?callback=f&method=DELETE") == 200
    for head, want in (({}, 401), (good, 200)):
        assert httpc.fetch(s.api_url("/api/v1/raw?rpc=reload"), headers=head).status == want
        assert httpc.fetch(s.api_url("/api/v1/clusters/clients/nobody"), "DELETE", head).status == want
    assert httpc.fetch(s.api_url("/api/v1/raw?rpc=raw")).status == 200
    assert refused(s)["writes"] == 5, refused(s)


def test_writes_from_this_host_only(t):
    """writes loopback: a caller from another address, or a page in a browser, changes nothing."""
    host = other_address()
    s = t.server("srs", top.conf().replace("listen 127.0.0.1:$api", "listen $api; writes loopback"))
    assert kick_status(s) == 200
    assert kick_status(s, {"Origin": "http://evil.example"}) == 403
    assert kick_status(s, None, "?callback=f&method=DELETE") == 403
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


# ---- the command


def run(*args):
    done = subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def test_command_draws_the_tree(t):
    """scripts/cluster draws streams, servers and coworkers as a tree of 80 columns, or as JSON."""
    m, _ = busy(t)
    status, text, problems = run(f"127.0.0.1:{m.e2.api}")
    assert status == 0 and not problems, problems
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines) and "\x1b" not in text, text
    assert any("live/x" in line and "7 viewers" in line for line in lines), text
    for s in (m.a, m.e1, m.e2, m.leaf):
        assert any(f":{s.rtmp}" in line for line in lines), (s.name, text)
    status, text, _ = run(f"127.0.0.1:{m.a.api}")
    assert re.search(rf"127\.0\.0\.1:{m.b.api}.*\d+ ms", text), text
    status, text, _ = run("--json", f"127.0.0.1:{m.a.api}", "live/x")
    assert json.loads(text)["streams"][0]["viewers_total"] == 7, text
    status, text, _ = run(f"127.0.0.1:{m.a.api}", "live/nobody")
    assert status == 1 and "live/nobody" in text, (status, text)
    status, _, problems = run(top.not_listening())
    assert status == 2 and len(problems.splitlines()) == 1, problems


def test_command_signs(t):
    """scripts/cluster signs with the cluster's secret; without it, it says what is missing."""
    path = t.path("secret")
    with open(path, "w") as f:
        f.write(SECRET + "\n")
    s = t.server("srs", top.local().replace("publish {", f'cluster {{ secret "{SECRET}"; }} publish {{'))
    t.publish(s.url("live/x"))
    status, text, problems = run("--secret-file", path, f"127.0.0.1:{s.api}")
    assert status == 0 and "live/x" in text, (text, problems)
    client = s.clients()[0]["id"]
    status, _, problems = run(f"127.0.0.1:{s.api}")
    assert status == 2 and "--secret-file" in problems, problems
    status, text, problems = run("--secret-file", path, "--kick", client, f"127.0.0.1:{s.api}")
    assert status == 0, problems
    wait_for(lambda: not s.clients(), 3, "the end of the encoder")
    assert urllib.parse.quote(client) == client
