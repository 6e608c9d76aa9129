"""scripts/cluster: the view of the cluster in a terminal."""
import json
import os
import re
import subprocess
import sys
import urllib.parse

import topology as top
from cluster_client import SECRET, SIGNED
from support.server import wait_for

ONCE = "A Python program is judged, whose requests the cases of the API make."


SCRIPT = os.path.join(top.HERE, "..", "..", "scripts", "cluster")


def run(*args):
    done = subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def test_command_draws_the_tree(t):
    """scripts/cluster draws streams, servers and coworkers as a tree of 80 columns, or as JSON."""
    m, _ = top.busy_tree(t)
    status, text, problems = run(m.e2.api_address)
    assert status == 0 and not problems, problems
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines) and "\x1b" not in text, text
    assert any("live/x" in line and "7 viewers" in line for line in lines), text
    for s in (m.a, m.e1, m.e2, m.leaf):
        assert any(f":{s.rtmp}" in line for line in lines), (s.name, text)
    status, text, _ = run(m.a.api_address)
    assert re.search(rf"127\.0\.0\.1:{m.b.api}.*\d+ ms", text), text
    status, text, _ = run("--json", m.a.api_address, "live/x")
    assert json.loads(text)["streams"][0]["viewers_total"] == 7, text
    status, text, _ = run(m.a.api_address, "live/nobody")
    assert status == 1 and "live/nobody" in text, (status, text)
    status, _, problems = run(top.not_listening())
    assert status == 2 and len(problems.splitlines()) == 1, problems


def test_command_signs(t):
    """scripts/cluster signs with the cluster's secret; without it, it says what is missing."""
    path = t.path("secret")
    with open(path, "w") as f:
        f.write(SECRET + "\n")
    s = t.server("srs", top.local(cluster=SIGNED))
    t.publish(s.url("live/x"))
    status, text, problems = run("--secret-file", path, s.api_address)
    assert status == 0 and "live/x" in text, (text, problems)
    client = s.clients()[0]["id"]
    status, _, problems = run(s.api_address)
    assert status == 2 and "--secret-file" in problems, problems
    status, text, problems = run("--secret-file", path, "--kick", client, s.api_address)
    assert status == 0, problems
    wait_for(lambda: not s.clients(), 3, "the end of the encoder")
    assert urllib.parse.quote(client) == client
