"""A cluster with a secret: signatures are for one receiver and one start of it, and relays have to prove what they are."""
import re
import struct
import time

import topology as top
from cluster_client import SECRET, SIGNED, path_of, refused, service_of, sign, trees
from support import httpc, rtmp
from support.server import wait_for


def origin_of(t, more=SIGNED, name="origin", **kw):
    return t.server(name, top.local(**kw, cluster=more))


# ---- one receiver


def test_a_captured_signature_is_useless_elsewhere(t):
    """A signed query or kick that was captured is refused by another server and after a restart."""
    m = top.Tree(t, SIGNED)
    t.publish(m.b.url("live/x"))
    client = m.b.clients()[0]["id"]
    query = "/api/v1/clusters?vhost=__defaultVhost__&ip=127.0.0.1&app=live&stream=x&coworker=127.0.0.1:1"
    kick = "/api/v1/clusters/clients/" + client
    for_a = [("POST", query, sign("POST", query, service_of(m.a))), ("DELETE", kick, sign("DELETE", kick, service_of(m.a)))]
    for method, target, headers in for_a:
        r = httpc.fetch(m.b.api_url(target), method, headers)
        assert r.status == 401 and r.headers["x-srs-receiver"] == service_of(m.b), (r.status, r.headers)
        assert b"live" not in r.content, r.content
    counts = refused(m.b)
    assert counts["misdirected"] == 2 and counts["forged"] == counts["unsigned"] == 0, counts
    assert m.b.clients() and "is refused" not in m.b.log()
    m.a.stop()
    m.a.start()
    for method, target, headers in for_a:
        r = httpc.fetch(m.a.api_url(target), method, headers)
        assert r.status == 401 and r.headers["x-srs-receiver"] == service_of(m.a), (r.status, r.headers)
    assert m.b.clients(), "kicked by a capture"


def test_a_restarted_coworker_is_found_at_once(t):
    """A coworker that was restarted is found by the first player: one more request, on the same connection."""
    a, b = top.start_origins(t, more=SIGNED + "query_cache 0; query_cache_none 0;")

    def ask(server, want):
        c = t.client(server.url("live/x")).connect()
        c.play()
        c.wait_status(want)
        c.close()
    for start in range(2):
        publisher = t.publish(a.url("live/x"))
        before = refused(a)["misdirected"]
        for _ in range(3):
            ask(b, "NetConnection.Connect.Rejected")
        counts = refused(a)
        assert before == 0 and counts["misdirected"] == 1, (start, counts)
        assert counts["forged"] == counts["late"] == counts["replayed"] == counts["unsigned"] == 0, counts
        publisher.stop()
        if start == 0:
            a.stop()
            a.start()
    assert "coworker" not in "".join(line for line in b.log().splitlines() if "warn" in line.lower()), b.log()


def test_a_changing_receiver_is_asked_twice(t):
    """A coworker that names a new receiver each time gets two requests for each query, on one connection, no more."""
    seen = []

    def challenge(sock):
        sock.settimeout(5)
        conn = len(seen)
        seen.append([])
        while head := sock.recv(65536):
            seen[conn].append(head.decode())
            sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nX-Srs-Receiver: id%d\r\nContent-Length: 2\r\n\r\n{}" %
                         sum(map(len, seen)))
    coworker = t.listen(challenge)
    a = top.start_clustered(t, coworker, more=SIGNED + "query_cache_none 0;")
    for n in range(2):
        c = t.client(a.url(f"live/n{n}")).connect()
        c.play()
        c.wait_status("NetStream.Play.StreamNotFound")
    heads, = seen
    assert [re.search(r"X-Srs-To: (.*)\r\n", h)[1] for h in heads] == ["", "id1", "id1", "id3"], heads
    nonces = {re.search(r"X-Srs-Nonce: (\w+)", h)[1] for h in heads}
    assert len(nonces) == 4, "each is signed anew"


def test_a_malformed_receiver_is_ignored(t):
    """A challenge whose receiver is no service id is not followed."""
    seen = []

    def challenge(sock):
        sock.settimeout(5)
        while head := sock.recv(65536):
            seen.append(head)
            sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nX-Srs-Receiver: a b\r\nContent-Length: 2\r\n\r\n{}")
    a = top.start_clustered(t, t.listen(challenge), more=SIGNED)
    c = t.client(a.url("live/x")).connect()
    c.play()
    c.wait_status("NetStream.Play.StreamNotFound")
    assert len(seen) == 1, seen


# ---- relays


def netstring(text):
    return f"{len(text)}:{text},".encode()


def proof(server, args, stream, role="play", **kw):
    """The object of play by which a relay with these connect arguments proves itself."""
    claim = netstring(f"rtmp://127.0.0.1:{server.rtmp}/live") + netstring(stream)
    claim += b"".join(netstring(args.get(k, "")) for k in ("srs_node", "srs_id", "srs_path", "srs_via", "srs_redirected"))
    claim += b"".join(struct.pack(">d", args.get(k, 0)) for k in ("srs_pid", "srs_api", "srs_mesh"))
    kw.setdefault("to", service_of(server))
    h = sign("RELAY", role, body=claim, **kw)
    return {"srs_to": h["X-Srs-To"], "srs_time": h["X-Srs-Time"], "srs_nonce": h["X-Srs-Nonce"], "srs_sign": h["X-Srs-Sign"]}


def tree_of(server, secret=SECRET):
    return trees(server, "", sign("GET", "/api/v1/clusters/streams", service_of(server), secret))[0]["origin"]


def relay(t, server, args, object=None, stream="x"):
    """A connection that says it is a relay, playing."""
    c = t.client(server.url("live/x"))
    c.connect(args=args)
    c.play(stream, object=object)
    c.wait(lambda m: m.type == rtmp.VIDEO, 5)
    return c


RELAY = {"srs_pid": 7.0, "srs_id": "r0", "srs_node": "fake", "srs_path": ",fake"}


def test_a_signed_relay_is_verified(t):
    """A relay with a good signature is in the tree, is asked about its viewers, and is told of a gap at once."""
    origin = origin_of(t)
    publisher = t.publish(origin.url("live/x"))
    calls = []

    def answer(sock):
        calls.append(sock.recv(65536))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"code\":0,\"streams\":[]}")
    api = t.listen(answer)
    args = dict(RELAY, srs_api=float(api.port))
    c = relay(t, origin, args, proof(origin, args, "x"))
    wait_for(lambda: tree_of(origin)["relays"], 3, "the relay")
    assert calls and tree_of(origin)["viewers"] == 0, calls
    counts = refused(origin)
    assert all(counts[k] == 0 for k in ("unsigned", "forged", "late", "replayed", "misdirected")), counts
    publisher.stop()
    c.wait_status("NetStream.Play.UnpublishNotify", timeout=3)      # a player waits for reconnect_grace


def test_an_unsigned_relay_is_a_player(t):
    """A relay without a good signature is a player: not in the tree, never asked, given the grace, counted, logged once."""
    origin = origin_of(t)
    publisher = t.publish(origin.url("live/x"))
    calls = []
    api = t.listen(lambda sock: calls.append(sock.recv(65536)))
    args = dict(RELAY, srs_api=float(api.port))
    good = proof(origin, args, "x")
    wrong = [None, {}, proof(origin, args, "x", secret="another"), proof(origin, args, "y"),
             proof(origin, args, "x", role="publish"), proof(origin, dict(args, srs_path=""), "x"),
             proof(origin, args, "x", at=time.time() - 40), proof(origin, args, "x", to="other"),
             dict(good, srs_to="other")]
    clients = [relay(t, origin, args, w) for w in wrong]
    believed = relay(t, origin, dict(args, srs_api=0.0), proof(origin, dict(args, srs_api=0.0), "x"))
    clients += [relay(t, origin, args, good), relay(t, origin, args, good)]     # the second one is a replay
    clients.pop(-2).close()
    believed.close()
    wait_for(lambda: not tree_of(origin)["relays"] and tree_of(origin)["viewers"] == len(clients), 3, "players only")
    calls.clear()
    tree_of(origin)
    assert not calls, calls
    counts = refused(origin)
    assert (counts["unsigned"], counts["forged"], counts["late"], counts["replayed"], counts["misdirected"]) == \
        (2, 5, 1, 1, 1), counts
    assert len(re.findall("is taken for a player or encoder", origin.log())) == 1, "one line for an address and minute"
    publisher.stop()
    old = {m.payload for m in publisher.sent}
    t.publish(origin.url("live/x"), mark=True)
    for c in clients:                                                           # the gap was none for players
        c.wait(lambda m: m.type == rtmp.VIDEO and m.payload not in old, 5)


def test_an_unsigned_path_still_refuses(t):
    """A path that contains this server is refused, signed or not."""
    origin = t.srs(mw_latency=0.01)
    edge = top.start_edge(t, origin, more=SIGNED)
    t.publish(origin.url("live/x"))
    path = path_of(t, edge, origin)
    c = t.client(edge.url("live/x"))
    c.connect(args=dict(RELAY, srs_path=path))
    c.play()
    c.wait_status("NetStream.Play.Failed")
    edge.wait_log("form a circle")
    assert httpc.fetch(edge.flv("live/x"), headers={"X-SRS-Path": path}).status == 403


def test_an_invented_path_harms_nobody_else(t):
    """Untrusted clients that claim a path which the origin refuses do not keep players from the stream, secret or not."""
    for name, secret in (("signed", SIGNED), ("open", "")):
        origin = origin_of(t, secret, f"origin-{name}")
        edge = top.start_edge(t, origin, name=f"edge-{name}", more=secret)
        far = dict(RELAY, srs_path=",a" * 8)        # with the edge it is one more than hop_limit
        t.publish(origin.url("live/lonely"))
        c = t.client(edge.url("live/lonely")).connect(args=far)
        c.play()
        c.wait_status("NetStream.Play.Failed")
        t.publish(origin.url("live/x"))

        def pulls():
            return edge.json("/api/v1/summaries")["data"]["cluster"]["pulls"]
        before = pulls()
        origin.freeze()
        t.client(edge.url("live/x")).connect(args=far).play()
        wait_for(lambda: pulls() > before, 3, "the untrusted client's pull")
        probe = t.probe(edge.url("live/x"))
        wait_for(lambda: probe.started_at, 3, "a player beside it")
        origin.thaw()
        probe.wait_frames(5, 5)
        assert pulls() == before + 1, "the pull is the one that the untrusted client began"


def test_the_vhost_of_the_stream_counts(t):
    """A relay that connects to a vhost without a secret and plays a stream of one with a secret has to sign for the latter."""
    origin = t.server("origin", top.local() + f'vhost safe {{ cluster {{ {SIGNED} }} }}')
    t.publish(origin.url("live/x?vhost=safe"))
    relay(t, origin, RELAY, stream="x?vhost=safe")
    node = wait_for(lambda: tree_of(origin), 3, "the stream")
    assert node["viewers"] == 1 and not node["relays"], node
    t.publish(origin.url("live/open"))
    relay(t, origin, RELAY, stream="open")
    found = trees(origin, "?stream=open", sign("GET", "/api/v1/clusters/streams?stream=open", service_of(origin)))
    assert len(found[0]["origin"]["relays"]) == 1, "a vhost without a secret accepts relays as before"


def test_reserved_places_are_for_signed_relays(t):
    """When the server is full, a signed relay is served and an unsigned one is told so."""
    conf = top.local(cluster=SIGNED).replace("max_connections 1000", "max_connections 3")
    origin = t.server("origin", conf)
    t.publish(origin.url("live/x"))
    inside = [t.probe(origin.url("live/x")).wait_frames(3) for _ in range(2)]
    service = service_of(origin)
    c = t.client(origin.url("live/x"))
    c.connect(args=RELAY)
    c.play()
    status = c.wait_status("NetStream.Play.Failed")
    assert "full" in status.info["description"], status
    c.close()
    relay(t, origin, RELAY, proof(origin, RELAY, "x", to=service))
    assert not any(p.ended for p in inside)


def test_edges_of_another_secret_and_of_srs_play(t):
    """An edge without the secret, one with another one, and one of SRS serve their players; they are players here."""
    origin = origin_of(t)
    publisher = t.publish(origin.url("live/x"))
    edges = [top.start_edge(t, origin, name=f"e{n}", more=more) for n, more in enumerate(("", "secret other;"))]
    srs = t.srs(mode="remote", origins=[origin.address])
    probes = [t.probe(e.url("live/x")).wait_frames(10) for e in (*edges, srs)]
    wait_for(lambda: tree_of(origin)["viewers"] == 3, 3, "three players")
    assert not tree_of(origin)["relays"]
    counts = refused(origin)
    assert counts["unsigned"] == 2 and counts["forged"] == 1, counts
    publisher.stop()
    t.publish(origin.url("live/x"))
    for p in probes:
        p.wait_frames(10, 10, after=time.monotonic())


def test_publishers_of_signed_edges(t):
    """An edge with the secret pushes as a relay, and is one in the tree."""
    origin = origin_of(t)
    edge = top.start_edge(t, origin, more=SIGNED)
    t.publish(edge.url("live/x"))
    t.probe(origin.url("live/x")).wait_frames(5)
    node = tree_of(origin)
    assert [(r["kind"], r["known"]) for r in node["relays"]] == [("push", True)], node
    assert all(refused(origin)[k] == 0 for k in ("unsigned", "forged", "misdirected")), refused(origin)


def test_pulls_of_the_mesh_are_signed(t):
    """An origin that relays a coworker's stream proves itself to it, also after a redirect."""
    api_a, api_b = top.spare()
    more = SIGNED + "on_miss relay;"
    a, b = top.start_origins(t, more=[more, SIGNED])
    t.publish(b.url("live/x"))
    t.probe(a.url("live/x")).wait_frames(5)
    t.publish(a.url("live/y"))
    edge = top.start_edge(t, b, more=SIGNED)
    t.probe(edge.url("live/y")).wait_frames(5)
    for server, stream in ((b, "x"), (a, "y")):
        target = f"/api/v1/clusters/streams?stream={stream}"
        tree, = trees(server, f"?stream={stream}", sign("GET", target, service_of(server)))
        assert [(r["kind"], r["known"], r["viewers"]) for r in tree["origin"]["relays"]] == [("pull", True, 1)], tree
    for s in (a, b):
        assert all(refused(s)[k] == 0 for k in ("unsigned", "forged", "late", "replayed")), refused(s)


def test_pulls_over_flv_are_signed(t):
    """A pull over HTTP-FLV signs too, also when its origin was restarted; an unsigned X-SRS-Path is a player."""
    origin = origin_of(t)
    edge = top.start_flv_edge(t, origin, more=SIGNED)
    for start in range(2):
        t.publish(origin.url("live/x"))
        probe = t.probe(edge.url("live/x")).wait_frames(10, 10)
        node = tree_of(origin)
        assert len(node["relays"]) == 1 and node["viewers"] == 0, node
        counts = refused(origin)
        assert counts["misdirected"] == 1 and counts["forged"] == counts["unsigned"] == 0, (start, counts)
        probe.stop()
        if start == 0:
            origin.stop()
            origin.start()
    for headers in ({}, {"X-Srs-To": service_of(origin), "X-Srs-Time": "1", "X-Srs-Nonce": "0", "X-Srs-Sign": "0"}):
        r = httpc.Response(origin.flv("live/x"), headers=dict({"X-SRS-Path": ",outsider"}, **headers))
        assert r.status == 200
        t.keep(r)
    wait_for(lambda: tree_of(origin)["viewers"] == 2, 3, "the players")
    assert refused(origin)["unsigned"] == 1 and refused(origin)["forged"] == 1, refused(origin)
