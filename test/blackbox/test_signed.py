"""A cluster with a secret: signatures are for one receiver and one start of it."""
import re

import topology as top
from support import httpc
from test_view import SECRET, Mesh, refused, service_of, sign

SIGNED = f'secret "{SECRET}";'


# ---- one receiver


def test_a_capture_is_of_no_use_elsewhere(t):
    """A signed question or kick that was caught on the wire is refused by another server and after a restart."""
    m = Mesh(t, f'secret "{SECRET}";')
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


def test_a_restart_costs_the_requester_nothing_visible(t):
    """A coworker that was restarted is found by the first player: one more question, on the same connection."""
    api_a, api_b = top.spare()
    text = f'secret "{SECRET}"; query_cache 0; query_cache_none 0;'
    a = t.server("a", top.clustered(f"127.0.0.1:{api_b}", text), values={"api": api_a})
    b = t.server("b", top.clustered(f"127.0.0.1:{api_a}", text), values={"api": api_b})

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


def test_a_server_that_says_it_is_another_one_is_asked_twice(t):
    """A coworker that names a new receiver each time gets two requests for each question, on one connection, no more."""
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
    a = t.server("a", top.clustered(coworker.address, f'secret "{SECRET}"; query_cache_none 0;'))
    for n in range(2):
        c = t.client(a.url(f"live/n{n}")).connect()
        c.play()
        c.wait_status("NetStream.Play.StreamNotFound")
    heads, = seen
    assert [re.search(r"X-Srs-To: (.*)\r\n", h)[1] for h in heads] == ["", "id1", "id1", "id3"], heads
    nonces = {re.search(r"X-Srs-Nonce: (\w+)", h)[1] for h in heads}
    assert len(nonces) == 4, "each is signed anew"


def test_what_is_no_id_is_not_signed_for(t):
    """A challenge that is no id is not followed."""
    seen = []

    def challenge(sock):
        sock.settimeout(5)
        while head := sock.recv(65536):
            seen.append(head)
            sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nX-Srs-Receiver: a b\r\nContent-Length: 2\r\n\r\n{}")
    a = t.server("a", top.clustered(t.listen(challenge).address, f'secret "{SECRET}";'))
    c = t.client(a.url("live/x")).connect()
    c.play()
    c.wait_status("NetStream.Play.StreamNotFound")
    assert len(seen) == 1, seen
