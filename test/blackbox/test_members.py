"""Members of a cluster by DNS, SRV and reload, and a mesh of origins that come and go."""
import signal
import socket

import topology as top
from cluster_client import NOT_FOUND, REDIRECT, ask, code_of
from mesh_churn import Churn
from support import SHORT
from support.case import calm, limit
from support.dns import A, Dns
from support.server import free_port, seconds_of, wait_for, within


TTL = 1         # of the names in the tests' DNS server, in seconds


class Members:
    """Origins on the addresses 127.0.0.1, .2, … with the same two ports, and the DNS server that they ask."""

    def __init__(self, t):
        self.t, self.dns = t, t.keep(Dns(free_port()))
        self.rtmp, self.api = top.spare()

    def start(self, n, coworkers=None):
        """The origin on 127.0.0.n; its coworkers come from the name origins.test unless they are named."""
        s = self.t.server(f"o{n}", top.MEMBER, values={
            "host": f"127.0.0.{n}", "dns": self.dns.address, "rtmp": self.rtmp, "api": self.api,
            "cluster": f"coworkers {coworkers or 'origins.test:' + self.api}; query_cache 0; query_cache_none 0;"})

        def up():
            with socket.socket() as probe:
                return probe.connect_ex((f"127.0.0.{n}", int(self.rtmp))) == 0
        wait_for(up, 5, f"origin {n}")
        return s

    def url(self, n, path):
        return f"rtmp://127.0.0.{n}:{self.rtmp}/{path}"


def test_a_fourth_origin_joins_by_dns(t):
    """A fourth origin is used within the TTL of the name, and forgotten when it is removed; no restart."""
    m = Members(t)
    m.dns.set("origins.test", *[f"127.0.0.{n}" for n in (1, 2, 3)])
    servers = [m.start(n) for n in (1, 2, 3, 4)]
    t.publish(m.url(3, "live/third"))
    t.publish(m.url(4, "live/fourth"))
    status, _, _ = ask(t, m.url(1, "live/third"))
    assert status.info["ex"]["redirect"] == f"rtmp://127.0.0.3:{m.rtmp}/live", status
    assert code_of(t, m.url(1, "live/fourth")) == NOT_FOUND

    def change(members, code, what):
        m.dns.set("origins.test", *[f"127.0.0.{n}" for n in members])
        return seconds_of(lambda: wait_for(lambda: code_of(t, m.url(1, "live/fourth")) == code, 5, what))
    times = []

    def come_and_go():
        times.append((change((1, 2, 3, 4), REDIRECT, "the fourth origin"),
                      change((1, 2, 3), NOT_FOUND, "the end of the fourth origin")))
        return max(times[-1])
    within(TTL + 0.5, come_and_go)
    for words in ("is a member now", "is no longer a member"):
        servers[0].wait_log(f"127.0.0.4:{m.api} {words}")


def test_an_alias_lives_no_longer_than_its_own_record(t):
    """A name that is an alias is asked again when the alias's time has come, however long the address's own is."""
    m = Members(t)
    for n in (2, 3):
        m.dns.set(f"pod{n}.test", f"127.0.0.{n}", ttl=3600)
    m.dns.alias("origins.test", "pod2.test", ttl=TTL)
    for n in (1, 2, 3):
        m.start(n)
    t.publish(m.url(2, "live/second"))
    t.publish(m.url(3, "live/third"))
    assert code_of(t, m.url(1, "live/second")) == REDIRECT
    m.dns.alias("origins.test", "pod3.test", ttl=TTL)
    wait_for(lambda: code_of(t, m.url(1, "live/third")) == REDIRECT, 10, "who the alias is now")
    assert code_of(t, m.url(1, "live/second")) == NOT_FOUND


def test_members_stay_while_the_resolver_is_silent(t):
    """A DNS server that stops answering takes no member away."""
    m = Members(t)
    m.dns.set("origins.test", "127.0.0.1", "127.0.0.2")
    for n in (1, 2):
        m.start(n)
    t.publish(m.url(2, "live/x"))
    assert code_of(t, m.url(1, "live/x")) == REDIRECT
    m.dns.silent()
    asked = m.dns.asked.count(("origins.test", A))
    # Each server asks again when a query has timed out.
    wait_for(lambda: m.dns.asked.count(("origins.test", A)) >= asked + 4, 15, "queries to the silent server")

    def redirected():
        status, seconds, _ = ask(t, m.url(1, "live/x"))
        assert status.code == REDIRECT, status
        return seconds
    within(0.3, redirected)


def test_coworkers_by_srv_name(t):
    """An SRV name brings hosts and ports; a target that is added is used."""
    m = Members(t)
    for n in (1, 2):
        m.dns.set(f"o{n}.test", f"127.0.0.{n}")
    name = "_srs._tcp.origins.test"
    m.dns.set(name, (0, 0, int(m.api), "o1.test"))
    for n in (1, 2):
        m.start(n, name)
    t.publish(m.url(2, "live/x"))
    assert code_of(t, m.url(1, "live/x")) == NOT_FOUND
    m.dns.set(name, (0, 0, int(m.api), "o1.test"), (0, 0, int(m.api), "o2.test"))
    wait_for(lambda: code_of(t, m.url(1, "live/x")) == REDIRECT, 3, "the second target")


def test_origins_of_an_edge_by_dns(t):
    """An edge pulls from all addresses of a name, and from SRV targets."""
    m = Members(t)
    m.dns.set("origins.test", "127.0.0.1", "127.0.0.2")
    m.dns.set("o2.test", "127.0.0.2")
    m.dns.set("_rtmp._tcp.test", (0, 0, int(m.rtmp), "o2.test"))
    for n in (1, 2):
        m.start(n, f"127.0.0.{3 - n}:{m.api}")
    t.publish(m.url(2, "live/x"))
    for number, text in enumerate((f"origins.test:{m.rtmp}", "_rtmp._tcp.test")):
        e = top.start_edge(t, text, name=f"edge{number}", top=f"resolver {m.dns.address};")
        t.probe(e.url("live/x")).wait_frames(10, 5)


def test_weights_of_srv_targets(t):
    """Among SRV targets of one priority the weight decides how many streams an edge asks of each."""
    dns = t.keep(Dns(free_port()))
    srs = [t.srs() for _ in range(2)]
    dns.set("o.test", "127.0.0.1")

    def weigh(*weights):
        dns.set("_rtmp._tcp.test", *[(0, w, s.port, "o.test") for w, s in zip(weights, srs)])
    weigh(65535, 0)
    for s in srs:
        for n in range(8):
            t.publish(s.url(f"live/s{n}"))
    e = top.start_edge(t, "_rtmp._tcp.test", top=f"resolver {dns.address};")
    for n in range(4):
        t.probe(e.url(f"live/s{n}")).wait_frames(3, 5)
    assert [len(s.plays) for s in srs] == [4, 0], [s.plays for s in srs]
    weigh(0, 65535)
    asked = len(dns.asked)      # the second query after the change comes when the first answer is in use
    wait_for(lambda: sum(name == "_rtmp._tcp.test" for name, _ in dns.asked[asked:]) >= 2, 5, "the new weights")
    for n in range(4, 8):
        t.probe(e.url(f"live/s{n}")).wait_frames(3, 5)
    assert [len(s.plays) for s in srs] == [4, 4], [s.plays for s in srs]


def test_coworkers_change_by_reload(t):
    """A coworker that a reload brings is asked; one that it takes away is not."""
    srs = t.srs(api_port=free_port())
    t.publish(srs.url("live/x"))
    text = top.clustered("$other", "query_cache 0; query_cache_none 0;")
    a = t.server("a", text, values={"other": top.not_listening()})
    assert code_of(t, a.url("live/x")) == NOT_FOUND
    a.values["other"] = srs.api_address
    a.write_conf(text)
    a.signal(signal.SIGHUP)
    wait_for(lambda: code_of(t, a.url("live/x")) == REDIRECT, 3, "the new coworker")
    a.values["other"] = top.not_listening()
    a.write_conf(text)
    a.signal(signal.SIGHUP)
    wait_for(lambda: code_of(t, a.url("live/x")) == NOT_FOUND, 3, "the end of the coworker")


def test_origins_change_by_reload(t):
    """An origin that a reload brings to an edge is used, and one that it takes away is not."""
    srs = [t.srs() for _ in range(2)]
    for n in range(3):
        for s in srs:
            t.publish(s.url(f"live/s{n}"))
    text = top.edge("$origins")
    e = t.server("edge", text, values={"origins": srs[0].address})
    for n, origins_now in enumerate((srs[0].address, f"{srs[0].address} {srs[1].address}", srs[1].address)):
        e.values["origins"] = origins_now
        e.write_conf(text)
        e.signal(signal.SIGHUP)
        wait_for(lambda n=n: e.log().count("the new configuration is in use") == n + 1, 5, "the reload")
        t.probe(e.url(f"live/s{n}")).wait_frames(5, 5)
    asked = [[p.stream for p in s.plays] for s in srs]
    assert "s0" in asked[0] and "s0" not in asked[1] and "s2" in asked[1] and "s2" not in asked[0], asked


@calm
@limit(150)
def test_mesh_with_churn(t):
    """Eight origins, one killed and one added every three seconds: no player is refused a live stream or sent in a circle."""
    churn = Churn(t, streams=40, players=6, edges=1).run(24 if SHORT else 60)
    assert not churn.failures, "\n".join(churn.failures[:20]) + "\n" + churn.summary()
    assert sum(n for what, n in churn.counts.items() if "played" in what) > 30, churn.summary()
