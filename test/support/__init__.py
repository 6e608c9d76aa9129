"""What the black-box tests stand on: an RTMP peer, probes, publishers and a runner of servers.

SCALE stretches every deadline, for slow builds (sanitizers): set by run.py through TEST_SCALE."""
import os

SCALE = float(os.environ.get("TEST_SCALE", "1"))
SHORT = os.environ.get("TEST_SHORT") == "1"
