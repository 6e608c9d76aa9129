"""What the cases ask of a cluster, and how they ask it: by playing, by the API, signed or not."""
import hashlib
import hmac
import os
import time

from support import SCALE


REDIRECT = "NetConnection.Connect.Rejected"
NOT_FOUND = "NetStream.Play.StreamNotFound"
BAD_NAME = "NetStream.Publish.BadName"
RELAY = {"srs_pid": 4711.0, "srs_server": "test"}      # how an edge identifies itself
SECRET = "a word that nobody knows"
SIGNED = f'secret "{SECRET}";'


def ask(t, url, args=None):
    """What a player hears first, and after how many seconds."""
    c = t.client(url).connect(args)
    c.create_stream()
    began = time.monotonic()
    c.play()
    status = c.wait_status(timeout=8 * SCALE)
    seconds = time.monotonic() - began
    return status, seconds, c


def path_of(t, edge, origin):
    """The name of an edge in a path, of which only those that it asks know: ",id"."""
    t.probe(edge.url("live/x")).wait_frames(1)
    return origin.connects[-1]["args"]["srs_path"]


def code_of(t, url, args=None):
    status, _, c = ask(t, url, args)
    c.close()
    return status.code


def whereabouts(server, stream="x"):
    """What a server answers its coworkers: what it has of the stream, or None."""
    query = f"vhost=__defaultVhost__&ip=127.0.0.1&app=live&stream={stream}&coworker=127.0.0.1:1"
    return server.json("/api/v1/clusters?" + query)["data"]["origin"]


# ---- the view


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


# ---- signatures


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


def refused(server):
    path = "/api/v1/summaries"
    return server.json(path)["data"]["cluster"]["refused"]
