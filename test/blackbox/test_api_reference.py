"""trunk/doc/api.md: its examples are run, and every route is in it."""
import json
import os
import re
import shlex
import subprocess

import topology as top

REFERENCE = os.path.join(top.HERE, "..", "..", "trunk", "doc", "api.md")
EXAMPLE = re.compile(r"```sh\n(curl [^\n]*)\n```\n```json\n(.*?)\n```", re.S)


def reference():
    with open(REFERENCE) as f:
        return f.read()


def kind_of(value):
    """The type in JSON; a number is one whether it has a fraction or not."""
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def assert_shape(example, answer, where):
    """The same members of the same types; "…" in an object stands for more of them."""
    assert kind_of(example) == kind_of(answer), f"{where}: {answer!r} instead of {example!r}"
    if isinstance(example, dict):
        wanted, found = set(example) - {"…"}, set(answer)
        assert wanted <= found, f"{where} lacks {wanted - found}"
        assert "…" in example or wanted == found, f"{where} has {found - wanted}, which the reference has not"
        for key in wanted:
            assert_shape(example[key], answer[key], f"{where}.{key}")
    elif isinstance(example, list) and example:
        assert answer, f"{where} is empty"
        for value in answer:
            assert_shape(example[0], value, where + "[]")


def run(command, server, ids):
    words = shlex.split(command.replace("127.0.0.1:1985", server.api_address))
    assert words[0] == "curl", command
    words = [re.sub(r"\$([A-Z]+)", lambda m: ids[m.group(1)], w) for w in words]
    done = subprocess.run(["curl", "-sS", "--max-time", "10", *words[1:]], capture_output=True, text=True, timeout=20,
                          check=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def test_examples_are_true(t):
    """Each example of trunk/doc/api.md, run against an origin with a publisher and a player, has the members shown."""
    s = t.server("srs", top.local())
    t.publish(s.url("live/livestream"))
    t.probe(s.url("live/livestream")).wait_frames(20)
    ids = {"STREAM": s.stream("livestream")["id"], "VHOST": s.json("/api/v1/vhosts/")["vhosts"][0]["id"],
           "CLIENT": next(c["id"] for c in s.clients() if not c["publish"])}
    examples = EXAMPLE.findall(reference())
    assert len(examples) > 20, len(examples)
    # The one that disconnects the player comes last.
    for command, text in sorted(examples, key=lambda e: "DELETE" in e[0]):
        example, answer = json.loads(text), run(command, s, ids)
        assert answer["code"] == example["code"], (command, answer)
        assert_shape(example, answer, command)


def test_every_route_is_in_the_reference(t):
    """What the index of the API lists is in trunk/doc/api.md, and so are the routes below clusters."""
    s = t.server("srs", top.local())
    text = reference()
    index = s.json("/api/v1/")
    routes = list(index["urls"]) + ["tests/" + name for name in index["tests"]]
    routes += ["clusters/streams", "clusters/nodes", "clusters/clients"]
    missing = [r for r in routes if f"/api/v1/{r}" not in text and f"`{r}`" not in text]
    assert not missing, missing
