"""The user that a server becomes once its ports are open."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from support import tls
from support.case import Skip
from support.server import BIN, free_port, wait_for

USER = "nobody"
NET_BIND_SERVICE = 1 << 10


class Folder:
    """A folder that everybody can read, as /etc is, wherever the sources lie."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="srs-user-")
        os.chmod(self.path, 0o755)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.path, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


def need_root():
    if os.getuid() != 0:
        raise Skip("only root can become another user")


def low_port():
    for port in range(1023, 600, -1):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Skip("no free port below 1024")


def is_open(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def conf(ports, more=""):
    listens = " ".join(f"127.0.0.1:{p}" for p in ports)
    return (f"listen {listens}; daemon off; user {USER}; srs_log_tank file; srs_log_file ./srs.log; pid ./srs.pid;"
            f"work_dir $folder; {more} vhost __defaultVhost__ {{ }}")


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(re.findall(r"^(\w+):\s*(.*)$", f.read(), re.M))


def test_root_is_given_up_once_the_ports_are_open(t):
    """Started as root with `user`, a server is that user in all its threads, keeps one capability, and opens low ports at a reload."""
    need_root()
    folder = t.keep(Folder())
    first, second = free_port(), low_port()
    text = conf([first]).replace("$folder", folder.path)
    path = folder.write("srs.conf", text)
    server = t.spawn([BIN, "-c", path])
    wait_for(lambda: is_open(first), what="the port")
    uid = str(pwd.getpwnam(USER).pw_uid)
    wait_for(lambda: status_of(server.pid)["Uid"].split() == [uid] * 4, what="the other user")
    for thread in os.listdir(f"/proc/{server.pid}/task"):
        status = status_of(f"{server.pid}/task/{thread}")
        assert status["Uid"].split() == [uid] * 4, (thread, status["Uid"])
        assert int(status["CapEff"], 16) in (0, NET_BIND_SERVICE), (thread, status["CapEff"])
    assert int(status_of(server.pid)["CapPrm"], 16) == NET_BIND_SERVICE
    folder.write("srs.conf", text.replace(f"127.0.0.1:{first}", f"127.0.0.1:{first} 127.0.0.1:{second}"))
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: is_open(second), what="the low port")
    log = os.path.join(folder.path, "srs.log")
    os.rename(log, log + ".1")
    os.kill(server.pid, signal.SIGUSR1)
    os.chmod(folder.path, 0o777)    # the folder is root's, and the new log is the user's
    os.kill(server.pid, signal.SIGUSR1)
    wait_for(lambda: os.path.exists(log) and os.stat(log).st_uid == int(uid), what="the new log")
    server.popen.terminate()
    assert server.wait(5) == 0, server.output()


def test_files_that_are_not_there_are_named(t):
    """-t names the directive and the file of a certificate that is not there; one of a block that is off is not looked at."""
    for more, wrong in (("rtmps { enabled on; listen 1443; key ./none.key; cert ./none.crt; }", "rtmps.key"),
                        ("rtmps { enabled off; listen 1443; key ./none.key; cert ./none.crt; }", None)):
        done = t.run("-t", "-c", "x.conf", conf=f"listen {free_port()}; {more} vhost __defaultVhost__ {{ }}")
        assert done.returncode == (1 if wrong else 0), done.text
        assert not wrong or (wrong in done.text and "./none.key" in done.text), done.text


def test_root_without_a_user_is_warned(t):
    """A server that stays root says so at start; one that is to give it up does not."""
    need_root()
    folder = t.keep(Folder())
    for more, warned in (("", True), (f"user {USER};", False)):
        path = folder.write("srs.conf", conf([free_port()]).replace("$folder", folder.path).replace(f"user {USER};", more))
        server = t.spawn([BIN, "-c", path], f"warned-{warned}")
        wait_for(lambda s=server: "origin: RTMP" in s.output(), what="the start")
        assert ("the server runs as root" in server.output()) == warned, server.output()
        server.popen.terminate()
        server.wait(5)


def test_a_key_that_the_user_cannot_read_is_named(t):
    """-t and a start name the key of RTMPS, of HTTPS and of a vhost that the user could not read again: a reload would fail."""
    need_root()
    folder = t.keep(Folder())
    for name in "ab":
        tls.make_pair(os.path.join(folder.path, name), "localhost")
        os.chmod(os.path.join(folder.path, name + ".crt"), 0o644)
    key = os.path.join(folder.path, "a.key")
    os.chmod(os.path.join(folder.path, "b.key"), 0o644)
    pair = f"key {key}; cert {folder.path}/a.crt;"
    other = pair.replace("/a.", "/b.")
    blocks = {"rtmps.key": f"rtmps {{ enabled on; listen {free_port()}; {pair} }}",
              "http_server.https.key": f"http_server {{ enabled on; listen {free_port()}; https {{ enabled on; listen {free_port()}; {pair} }} }}",
              "tls.key": f"rtmps {{ enabled on; listen {free_port()}; {other} }} vhost a.example {{ tls {{ {pair} }} }}"}
    for name, block in blocks.items():
        path = folder.write("srs.conf", conf([free_port()], block).replace("$folder", folder.path))
        for mode, good in ((0o600, False), (0o644, True)):
            os.chmod(key, mode)
            done = subprocess.run([BIN, "-t", "-c", path], capture_output=True, text=True, timeout=20)
            assert (done.returncode == 0) == good, (name, done.stderr)
            assert good or (name in done.stderr and key in done.stderr), (name, done.stderr)


def test_what_the_user_cannot_read_is_named(t):
    """-t and a start name the file that the user could not read again; a user that does not exist is an error."""
    need_root()
    folder = t.keep(Folder())
    secret = folder.write("secret", "0123456789abcdef", 0o600)
    text = conf([free_port()]).replace("vhost __defaultVhost__ { }",
                                       f"vhost __defaultVhost__ {{ cluster {{ secret_file {secret}; }} }}")
    path = folder.write("srs.conf", text.replace("$folder", folder.path))
    for args in (["-t"], []):
        done = subprocess.run([BIN, *args, "-c", path], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "cluster.secret_file" in done.stderr and secret in done.stderr, done.stderr
    os.chmod(secret, 0o644)
    assert subprocess.run([BIN, "-t", "-c", path], capture_output=True, timeout=20).returncode == 0
    folder.write("srs.conf", text.replace("$folder", folder.path).replace(f"user {USER}", "user nobody-of-this-name"))
    done = subprocess.run([BIN, "-t", "-c", path], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "there is no user nobody-of-this-name" in done.stderr, done.stderr
