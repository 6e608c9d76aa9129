"""Servers of a case: the configurations that cases share, and the clusters that they start.

Texts first: `local`, `clustered` and `edge` are configurations with free ports. Then what starts servers:
`start_edge`, `start_clustered`, `start_origins`, and whole clusters (`Tree`, `Seed`). Wherever a function
wants other servers, it takes servers of the case (ours or scripted) and texts "host:port" alike. `more` is
text for the cluster block, `play` for the play block."""
import os
import string

from support.server import free_port

HERE = os.path.dirname(os.path.abspath(__file__))

COMMON = """
max_connections 1000;
daemon off;
pid ./$name.pid;
srs_log_tank file;
srs_log_file ./$name.log;
"""

API = "http_api { enabled on; listen 127.0.0.1:$api; }\n"
HTTP = "http_server { enabled on; listen 127.0.0.1:$http; dir ./objs/nginx/html; page_streams on; }\n"
REMUX = "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; hstrs on; }"


# An origin on an address of its own, with members by DNS; $cluster is the rest of its block.
MEMBER = "listen $host:$rtmp;" + COMMON + """
resolver $dns;
http_api { enabled on; listen $host:$api; }
vhost __defaultVhost__ { cluster { mode local; origin_cluster on; $cluster } }
"""


def conf(vhost="", listen="127.0.0.1:$rtmp", top="", http=True, api=True):
    """A configuration with one vhost of this content; top is more text for the top level."""
    return (f"listen {listen};" + COMMON + (API if api else "") + (HTTP if http else "") + top +
            "\nvhost __defaultVhost__ {\n" + vhost + "\n" + (REMUX if http else "") + "\n}\n")


def local(play="", publish="", cluster="", **kw):
    """A standalone origin."""
    return conf(f"play {{ {play} }} publish {{ {publish} }}" + (f" cluster {{ {cluster} }}" if cluster else ""), **kw)


def clustered(coworkers, more="", play="", **kw):
    """An origin of a cluster."""
    return conf(f"play {{ {play} }} cluster {{ mode local; origin_cluster on; coworkers {coworkers}; {more} }}", **kw)


def edge(origins, more="", play="", **kw):
    return conf(f"play {{ {play} }} cluster {{ mode remote; origin {origins}; {more} }}", **kw)


def address_of(server, attribute="address"):
    return server if isinstance(server, str) else getattr(server, attribute)


def start_edge(t, *origins, name="edge", more="", play="", values=None, **kw):
    """An edge of these origins."""
    return t.server(name, edge(" ".join(map(address_of, origins)), more, play, **kw), values=values)


def start_flv_edge(t, *origins, more="", **kw):
    """An edge that pulls over HTTP-FLV."""
    return start_edge(t, *(address_of(o, "http_address") for o in origins), more="protocol flv; " + more, **kw)


def start_clustered(t, *coworkers, name="a", more="", play="", values=None, **kw):
    """An origin that asks these coworkers by their API."""
    texts = (address_of(c, "api_address") for c in coworkers)
    return t.server(name, clustered(" ".join(texts), more, play, **kw), values=values)


def start_origins(t, names="ab", more="", top="", **kw):
    """Origins that are each other's coworkers, by name. more and top may be lists, a text for each."""
    api = {n: free_port() for n in names}

    def text_of(texts, n):
        return texts if isinstance(texts, str) else texts[names.index(n)]
    return [start_clustered(t, *(f"127.0.0.1:{api[m]}" for m in names if m != n), name=n, more=text_of(more, n),
                            top=text_of(top, n), values={"api": api[n]}, **kw) for n in names]


class Tree:
    """Two origins, two edges of both, and an edge behind the first edge."""

    def __init__(self, t, more="", leaf_more=None):
        self.a, self.b = start_origins(t, more=more)
        self.e1, self.e2 = (start_edge(t, self.a, self.b, name=name, more=more) for name in ("e1", "e2"))
        self.leaf = start_edge(t, self.e1, name="leaf", more=more if leaf_more is None else leaf_more)
        self.all = (self.a, self.b, self.e1, self.e2, self.leaf)


# What busy_tree() looks like: (server, viewers, servers that pull from it).
BUSY_SHAPE = ("a", 1, [("e1", 2, [("leaf", 3, [])]), ("e2", 1, [])])


def busy_tree(t, more=""):
    """A Tree with a stream live/x at origin a and seven viewers, and their probes by server."""
    tree = Tree(t, more)
    t.publish(tree.a.url("live/x"), mark=True)
    viewers = {}
    for server, count in ((tree.a, 1), (tree.e1, 2), (tree.e2, 1), (tree.leaf, 3)):
        viewers[server.name] = [t.probe((server.flv if n % 2 else server.url)("live/x")) for n in range(count)]
        for p in viewers[server.name]:
            p.wait_frames(5)
    return tree, viewers


class Seed:
    """Two origins and an edge from the seed's own text, on free ports."""

    def __init__(self, t, edge=True, origins="ab"):
        a, b = (free_port(), free_port()), (free_port(), free_port())
        self.a = self.b = self.edge = None
        if "a" in origins:
            self.a = t.server("a", self.text("origin.conf", {"19350": "$rtmp", "9090": "$api", "9091": "$other"}),
                              values={"rtmp": a[0], "api": a[1], "other": b[1]})
        if "b" in origins:
            self.b = t.server("b", self.text("origin.b.conf", {"19351": "$rtmp", "9091": "$api", "9090": "$other"}),
                              values={"rtmp": b[0], "api": b[1], "other": a[1]})
        if edge:
            self.edge = t.server("edge", self.text("edge.conf", {
                "29350": "$rtmp", "8081": "$http", "19350": "$first", "19351": "$second"}),
                values={"first": a[0], "second": b[0]})

    @staticmethod
    def text(name, replace):
        with open(os.path.join(HERE, "seed", name)) as f:
            text = f.read()
        for old, new in replace.items():
            text = text.replace(old, new)
        return text


def spare(n=2):
    """So many free ports, as texts."""
    return [str(free_port()) for _ in range(n)]


def not_listening():
    """An address on which nobody listens."""
    return f"127.0.0.1:{free_port()}"


def string_of(text, **values):
    """The configuration as a file would have it, for a server that is not meant to come up."""
    return string.Template(text).substitute(values)
