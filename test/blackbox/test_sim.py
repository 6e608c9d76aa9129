"""The simulator of clusters beside a real one: both are told to do the same."""
import json
import os
import random
import re
import subprocess

import topology as top
from support.case import limit

ONCE = "Only numbers of redirects and queries are compared."

SIM = os.path.join(top.HERE, "..", "..", "objs", "cluster_sim")


def simulate(*args):
    done = subprocess.run([SIM, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_simulation_is_the_same_each_time(t):
    """One seed gives one result; streams of edges need no question, made-up names one round of them."""
    args = ("anywhere", "origins=10", "edges=20", "streams=50", "joins=100", "rate=200", "seed=7")
    one = simulate(*args)
    assert one == simulate(*args) and one["played"] == 100 and one["redirects"] > 20, one
    assert simulate("by-edges", "origins=10", "edges=20", "streams=50", "joins=100")["questions"] == 0
    missing = simulate("missing", "origins=10", "edges=20", "joins=50", "rate=100")
    assert missing["missing"] == 50 and missing["questions"] == 50 * 9, missing


def compare(t, origins, edges, streams, joins):
    """Joins one after the other at random edges, of streams at random origins, in a real cluster and in a simulated
    one: plays, redirects, questions of both."""
    dice = random.Random(origins * 1000 + edges)
    names = "abcdefghijklmnop"[:origins]
    real = top.start_origins(t, names, more="query_cache 0;")
    fleet = [top.start_edge(t, *real, name=f"e{n}", more="linger 60;") for n in range(edges)]
    script = ["cluster query_cache 0;"] + [f"origin 127.0.0.1:{o.rtmp} 127.0.0.1:{o.api}" for o in real] + ["edge"] * edges
    for n in range(streams):
        at = dice.randrange(origins)
        t.publish(real[at].url(f"live/s{n}"))
        script.append(f"publish {at} s{n}")
    for _ in range(joins):
        at, n = dice.randrange(edges), dice.randrange(streams)
        with_first = t.probe(fleet[at].url(f"live/s{n}"))
        with_first.wait_frames(1)
        with_first.stop()
        script.append(f"join {at} s{n}")
    with open(t.path("script"), "w") as f:
        f.write("\n".join(script) + "\n")
    logs = [o.log() for o in real]
    # An origin asks all others for a stream, and from then on the one that had it.
    found = [re.findall(r"(\S+): a coworker has it at ", log) for log in logs]
    first = sum(len(set(keys)) for keys in found)
    counted = {"redirects": sum(len(re.findall(r"redirecting to rtmp", log)) for log in logs),
               "questions": first * (origins - 1) + sum(map(len, found)) - first}
    simulated = simulate("script", t.path("script"))
    for key, value in counted.items():
        assert value > 0 and abs(simulated[key] - value) <= value * 0.1, (key, value, simulated)
    assert simulated["played"] == joins, simulated


@limit(90)
def test_simulation_agrees_with_a_real_cluster(t):
    """Redirects and questions of a real cluster are those of a simulated one within 10 %."""
    short = os.environ.get("BLACKBOX_FLAGS", "--short").find("--short") >= 0
    compare(t, *(3, 4, 8, 24) if short else (8, 12, 40, 240))


@limit(90)
def test_simulation_agrees_in_another_topology(t):
    """The same with more origins than edges."""
    short = os.environ.get("BLACKBOX_FLAGS", "--short").find("--short") >= 0
    compare(t, *(5, 2, 10, 20) if short else (14, 6, 40, 240))
