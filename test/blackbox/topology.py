"""The configurations that the cases share, and the seed's cluster."""
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
HTTP = "http_server { enabled on; listen 127.0.0.1:$http; dir ./objs/nginx/html; }\n"
REMUX = "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; hstrs on; }"


# An origin on an address and in a mesh of its own; $cluster is the rest of its block.
MEMBER = "listen $host:$rtmp;" + COMMON + """
resolver $dns;
http_api { enabled on; listen $host:$api; }
vhost __defaultVhost__ { cluster { mode local; origin_cluster on; $cluster } }
"""


def conf(vhost="", listen="127.0.0.1:$rtmp", top="", http=True):
    """A configuration with the API, HTTP-FLV and one vhost of this content."""
    return (f"listen {listen};" + COMMON + API + (HTTP if http else "") + top +
            "\nvhost __defaultVhost__ {\n" + vhost + "\n" + (REMUX if http else "") + "\n}\n")


def local(play="", publish="", **kw):
    return conf(f"play {{ {play} }} publish {{ {publish} }}", **kw)


def clustered(coworkers, more="", play="", **kw):
    return conf(f"play {{ {play} }} cluster {{ mode local; origin_cluster on; coworkers {coworkers}; {more} }}", **kw)


def edge(origins, more="", play="", **kw):
    return conf(f"play {{ {play} }} cluster {{ mode remote; origin {origins}; {more} }}", **kw)


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
