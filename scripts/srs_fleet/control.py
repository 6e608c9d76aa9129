"""Orders to a running `fleet up`: its control socket."""
import json
import os
import socket

from .description import CONTROL


def control_socket(fleet, use):
    """A socket that `use`, bind or connect, gave the control socket's address. The folder is reached by a descriptor:
    an address has room for 107 bytes, and a folder's path may be longer."""
    folder = os.open(fleet.folder, os.O_PATH | os.O_DIRECTORY)
    control = socket.socket(socket.AF_UNIX)
    was = os.umask(0o077) # orders come from this user alone
    try:
        use(control, f"/proc/self/fd/{folder}/{CONTROL}")
        return control
    except OSError:
        control.close()
        raise
    finally:
        os.umask(was)
        os.close(folder)


def order(fleet, what):
    """What the running `up` answers; None when there is none."""
    try:
        with control_socket(fleet, socket.socket.connect) as connection:
            connection.sendall(json.dumps(what).encode() + b"\n")
            with connection.makefile("rb") as f:
                return json.loads(f.readline() or b"null")
    except (OSError, ValueError):
        return None
