"""scripts/sign-link as whoever shares links uses it."""
import os
import subprocess

import topology as top
from support.flv import TOP
from test_access import KEY, link


def checked(text, *args, key=KEY):
    """The status of scripts/sign-link --check, and what it says."""
    done = subprocess.run([os.path.join(TOP, "scripts", "sign-link"), "--key", key, "--check", *args, text],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_links_are_checked_by_the_script(t):
    """scripts/sign-link --check says of a link whether it is good, for what and for how long; any other one has status 1."""
    s = t.server("srs", top.conf(f"signed_links {{ enabled on; keys {KEY}; }}"))
    to_play, to_publish = link("live/x"), link("live/x", "--publish")
    bound, old = link("live/x", "--ip", "192.0.2.1"), link("live/x", "--for", "-5")
    t.publish(s.url(to_publish))
    t.probe(s.url(to_play)).wait_frames(1)
    for text, args, status, words in (
            (to_play, (), 0, "good, to play, for "), (to_publish, ("--publish",), 0, "good, to publish, for "),
            (bound, ("--ip", "192.0.2.1"), 0, "good, to play, for "), (to_publish, (), 1, "WRONG, to play"),
            (to_play, ("--publish",), 1, "WRONG, to publish"), (to_play.replace("live/x", "live/y"), (), 1, "WRONG"),
            (to_play[:-1] + ("A" if to_play[-1] != "A" else "B"), (), 1, "WRONG"), (bound, (), 1, "--ip says which"),
            (bound, ("--ip", "192.0.2.2"), 1, "WRONG"), (old, (), 1, "good, to play, expired "),
            ("live/x", (), 1, "no exp or no sig"), ("live/x?exp=soon&sig=x", (), 1, "no exp or no sig"),
            (to_play, ("--format", "lal"), 1, "--check reads the format hmac")):
        found = checked(text, *args)
        assert found[0] == status and words in found[1], (text, args, found)
    assert checked(to_play, key="k1:another")[0] == 1
