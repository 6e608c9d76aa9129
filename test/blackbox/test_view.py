"""The cluster as one: trees of servers, lists of nodes, a kick anywhere."""
import json
import re
import time

import topology as top
from cluster_client import names_of, shape, trees
from support import SCALE, httpc
from support.server import median, seconds_of, wait_for, within


def test_every_server_shows_the_same_tree(t):
    """Whichever server is asked: where the stream is, who pulls it, and how many watch it in all."""
    m, _ = top.busy_tree(t)
    names = names_of(m.all)
    times = []
    for s in m.all:
        for query in ("?vhost=__defaultVhost__&app=live&stream=x", "?stream=x", ""):
            began = time.monotonic()
            found = trees(s, query)
            assert len(found) == 1, (s.name, query, found)
            tree = found[0]
            assert shape(tree["origin"], names) == top.BUSY_SHAPE, (s.name, query, json.dumps(tree, indent=1))
            assert tree["viewers_total"] == 7 and tree["nodes"] == 4 and tree["unknown"] == 0, tree
            # The servers of this cluster sign nothing: what edges say of their viewers is a claim.
            own = tree["origin"]["viewers"]
            assert tree["viewers_claimed"] == 7 - own and "claimed" not in tree["origin"], tree
            times.append(time.monotonic() - began)
    assert median(times) < 1.0 * SCALE and max(times) < 5.0 * SCALE, times
    assert (tree["stream"], tree["app"], tree["name"]) == ("/live/x", "live", "x"), tree


def test_the_tree_tells_lag_and_age(t):
    """Each hop has its lag, each server the age of its last picture, its ports and its kind."""
    m, _ = top.busy_tree(t)

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
    assert root["api"] == m.a.api_address and root["viewers_total"] == 7, root


def test_a_stream_published_at_an_edge(t):
    """A stream that an edge pushes is one tree: the origin, and the edge with its own viewers below it."""
    m = top.Tree(t)
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
    m = top.Tree(t)
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
    """A stream published at a coworker is shown although that coworker also relays one from the server that is asked."""
    m = top.Tree(t, "on_miss relay;")
    names = names_of(m.all)
    t.publish(m.a.url("live/x"))
    t.publish(m.b.url("live/y"))
    t.probe(m.b.url("live/x")).wait_frames(3)
    found = {tree["name"]: shape(tree["origin"], names) for tree in trees(m.a)}
    assert found == {"x": ("a", 0, [("b", 1, [])]), "y": ("b", 0, [])}, found


def test_an_edge_that_never_pulled_knows_where_streams_are(t):
    """An edge that has not fetched anything yet asks its origins all the same, unless there is no time for it: that is
    no failure of theirs."""
    m = top.Tree(t)
    t.publish(m.b.url("live/x"))
    for timeout in (0, 1):
        assert trees(m.leaf, f"?stream=x&timeout={timeout}") == []
    origins = [n for n in m.leaf.json("/api/v1/clusters/nodes")["nodes"] if n["kind"] == "origin"]
    assert all(n["failures"] == 0 for n in origins), origins
    tree, = trees(m.leaf, "?stream=x")
    assert names_of(m.all)[tree["origin"]["node"]] == "b" and tree["viewers_total"] == 0, tree


def test_relays_without_an_api_are_leaves(t):
    """An edge without an API is in the tree with the viewers that it reports on its connection, its own and those of edges behind it; an SRS edge with unknown viewers."""
    origin = t.server("origin", top.local())
    edge = top.start_edge(t, origin, api=False)
    leaf = top.start_edge(t, edge, name="leaf", api=False)
    srs = t.srs(mode="remote", origins=[origin.address])
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
    m, _ = top.busy_tree(t, "query_timeout 600;")
    names = names_of(m.all)
    m.b.freeze()
    m.e2.freeze()
    found = []
    try:
        within(0.9, lambda: seconds_of(lambda: found.append(trees(m.a, "?stream=x"))))
    finally:
        m.b.thaw()
        m.e2.thaw()

    def is_whole_but_for_the_frozen(tree):
        shapes = {names[n["node"]]: n for n in tree["origin"]["relays"]}
        return (not shapes["e2"]["known"] and "time" in shapes["e2"]["why"]
                and shapes["e1"]["known"] and shape(shapes["e1"], names) == ("e1", 2, [("leaf", 3, [])])
                and tree["viewers_total"] == 6 and tree["unknown"] == 1)
    # On a busy machine those that are not frozen may miss the deadline too, but not mostly.
    whole = [is_whole_but_for_the_frozen(tree) for tree, in found]
    assert 2 * sum(whole) > len(whole), found


def test_a_query_has_a_hop_limit(t):
    """Servers beyond the hops of a query are leaves with unknown viewers."""
    m, _ = top.busy_tree(t)
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
    edge = top.start_edge(t, origin)
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
    m = top.Tree(t, "query_timeout 500;")
    t.publish(m.a.url("live/x"))
    t.probe(m.e1.url("live/x")).wait_frames(3)
    answer = m.a.json("/api/v1/clusters/nodes")
    assert answer["self"]["role"] == "origin" and answer["self"]["server"] == answer["server"], answer
    kinds = {n["kind"]: n for n in answer["nodes"]}
    assert kinds["coworker"]["name"] == m.b.api_address and kinds["coworker"]["alive"], answer
    assert 0 <= kinds["coworker"]["answer_ms"] < 500 * SCALE and kinds["coworker"]["server"], answer
    assert kinds["relay"]["streams"] == 1 and kinds["relay"]["api"] == m.e1.api_address, answer
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
    m, viewers = top.busy_tree(t)
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
