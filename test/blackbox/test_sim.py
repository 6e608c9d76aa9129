"""The simulator of clusters beside a real one: both are told to do the same."""
import json
import os
import random
import re
import subprocess
import time

import topology as top
from support import SHORT
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


def test_simulation_of_failures_and_crowds(t):
    """Origins die and come back under players who join, by the end of their processes and of their hosts: everybody plays who did
    not come while the stream was nowhere, and those who played miss no more than it takes to notice. A crowd beside other players."""
    crowd = simulate("flash", "origins=5", "edges=20", "streams=50", "joins=200", "rate=100", "crowd=1000")
    assert crowd["settled"] and crowd["played"] == 1200 and 0 < crowd["crowd_ms_p99"] < 200, crowd
    args = ("origins=5", "edges=20", "streams=50", "joins=600", "rate=100", "every_ms=3000", "down_ms=2500", "tick_ms=100")
    ends = simulate("failures", *args)
    assert ends == simulate("failures", *args)
    hosts = simulate("failures", *args, "silent=1", "back_ms=2000")
    chosen = simulate("failures-anywhere", *args, "back_ms=1000")
    for found, longest in ((ends, 1000), (hosts, 5000), (chosen, 3000)):
        assert found["settled"] and not found["lost"] and not found["failed"], found
        assert found["played"] + found["missing"] == 600 and found["missing"] < 50, found
        assert found["gaps"] and found["gap_ms_max"] < longest, found


def compare(t, origins, edges, streams, joins, caches=False):
    """Joins one after the other at random edges, of streams at random origins, in a real cluster and in a simulated
    one: plays, redirects, questions of both. With `caches` origins remember answers as they do by themselves, and joins are
    simulated at the time at which they were."""
    dice = random.Random(origins * 1000 + edges)
    names = "abcdefghijklmnop"[:origins]
    directives = "" if caches else "query_cache 0;"
    real = top.start_origins(t, names, more=directives)
    fleet = [top.start_edge(t, *real, name=f"e{n}", more="linger 60;") for n in range(edges)]
    script = ["cluster " + directives] + [f"origin 127.0.0.1:{o.rtmp} 127.0.0.1:{o.api}" for o in real] + ["edge"] * edges
    for n in range(streams):
        at = dice.randrange(origins)
        t.publish(real[at].url(f"live/s{n}"))
        script.append(f"publish {at} s{n}")
    began = time.monotonic()
    for _ in range(joins):
        at, n = dice.randrange(edges), dice.randrange(streams)
        script.append(f"at {int(1000 * (time.monotonic() - began))}")
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
        # An answer that is asked for again in the moment in which it expires may be on either side of that.
        slack = max(value * 0.1, 1) if caches else value * 0.1
        assert value > 0 and abs(simulated[key] - value) <= slack, (key, value, simulated)
    assert simulated["played"] == joins, simulated


@limit(90)
def test_simulation_agrees_with_a_real_cluster(t):
    """Redirects and questions of a real cluster are those of a simulated one within 10 %."""
    compare(t, *(3, 4, 8, 24) if SHORT else (8, 12, 40, 240))


@limit(90)
def test_simulation_agrees_in_another_topology(t):
    """The same with more origins than edges."""
    compare(t, *(5, 2, 10, 20) if SHORT else (14, 6, 40, 240))


@limit(90)
def test_simulation_agrees_with_the_caches_of_a_cluster(t):
    """The same where origins remember who has a stream, as they do unless they are told not to: joins come again within the time
    of an answer, and after it."""
    compare(t, *(3, 6, 4, 24) if SHORT else (8, 12, 40, 240), caches=True)
