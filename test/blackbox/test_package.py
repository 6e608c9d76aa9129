"""What is installed: the layout, the manual pages, the units, the Debian package."""
import os
import re
import shutil
import subprocess
import tempfile

import topology as top
from support.case import alone, limit, once
from support.server import BIN

ONCE = "What is installed is the same whatever it was compiled with."

TOP = os.path.abspath(os.path.join(top.HERE, "..", ".."))


def make(*args, seconds=120, **env):
    done = subprocess.run(["make", "-C", TOP, f"PROGRAM={BIN}", *args], capture_output=True, text=True, timeout=seconds,
                          env=dict(os.environ, **env))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def test_install_puts_all_parts_where_they_belong_and_keeps_what_was_edited(t):
    """make install: program, commands, manual pages, units with the right paths; an edited configuration stays."""
    root = t.path("root")
    make("install", f"DESTDIR={root}", "PREFIX=/usr")
    files = files_below(root)
    for name in ("usr/bin/srs", "usr/bin/srs-fleet", "usr/bin/srs-cluster", "usr/bin/srs-check-host", "etc/srs/srs.conf",
                 "usr/share/man/man5/srs.conf.5", "usr/share/bash-completion/completions/srs",
                 "usr/lib/systemd/system/srs.target"):
        assert name in files, files
    with open(os.path.join(root, "usr/lib/systemd/system/srs@.service")) as f:
        unit = f.read()
    assert "ExecStart=/usr/bin/srs -c /etc/srs/%i.conf" in unit and "/usr/local" not in unit, unit
    conf = os.path.join(root, "etc/srs/srs.conf")
    with open(conf, "a") as f:
        f.write("# edited\n")
    make("install", f"DESTDIR={root}", "PREFIX=/usr")
    with open(conf) as f:
        assert f.read().endswith("# edited\n")
    make("uninstall", f"DESTDIR={root}", "PREFIX=/usr")
    assert all(name.startswith("etc/srs/") for name in files_below(root)), files_below(root)


def test_manual_pages_say_what_the_program_says(t):
    """srs.conf(5) has every directive of --help-config; no page has an error."""
    t.need("mandoc")
    make("man")
    folder = os.path.join(TOP, "objs", "man")
    pages = sorted(name for name in os.listdir(folder) if re.search(r"\.[15]$", name))
    assert "srs.1" in pages and "srs-fleet.1" in pages, pages
    for name in pages:
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "error", os.path.join(folder, name)], capture_output=True,
                              text=True, timeout=20)
        assert done.returncode == 0, done.stdout
    with open(os.path.join(folder, "srs.conf.5")) as f:
        page = set(re.findall(r"^\.It Ic (\S+)$", f.read(), re.M))
    said = subprocess.run([BIN, "--help-config"], capture_output=True, text=True, timeout=20).stdout
    directives = {words.split()[0] for words in re.findall(r"Reload:[^.]*\.\n\s*(?:# )?([^\n]*);", said)}
    assert len(directives) > 100 and directives == page, directives ^ page


def test_unit_is_valid_and_shut_in(t):
    """systemd finds no fault in the unit, and rates its exposure below 2.5."""
    t.need("systemd-analyze")
    root = t.path("root")
    make("install", f"DESTDIR={root}", "PREFIX=/usr")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}", "srs@a.service"],
                          capture_output=True, text=True, timeout=30)
    # The bare root has neither targets nor /bin.
    faults = [line for line in done.stderr.splitlines() if "sysinit.target" not in line and "/bin/kill" not in line]
    assert not faults, faults
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--root={root}", "srs@a.service"],
                          capture_output=True, text=True, timeout=30, env=dict(os.environ, LC_ALL="C"))
    exposure = re.search(r"Overall exposure level for srs@a.service: ([0-9.]+)", done.stdout)
    assert exposure and float(exposure.group(1)) < 2.5, done.stdout[-500:] + done.stderr


@alone
@once("dpkg builds a program of its own.")
@limit(1000)
def test_debian_package_is_clean(t):
    """make deb builds a package in which lintian finds nothing, with the configuration as conffiles. Where there is debootstrap and
    a mirror of Debian, it is installed in a bare system and purged without a rest."""
    for tool in ("dh", "dpkg-buildpackage", "lintian"):
        t.need(tool)
    folder = tempfile.mkdtemp(prefix="srs-deb-")
    try:
        subprocess.run([os.path.join(TOP, "scripts", "packaging", "deb"), folder], check=True, timeout=500,
                       env=dict(os.environ, DEB_BUILD_OPTIONS="noopt"))
        package = next(os.path.join(folder, n) for n in os.listdir(folder) if re.match(r"srs-server_.*\.deb", n))
        found = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], capture_output=True,
                               text=True, timeout=60)
        assert found.returncode == 0, found.stdout + found.stderr
        subprocess.run(["dpkg-deb", "-e", package, t.path("control")], check=True, timeout=30)
        with open(t.path("control", "conffiles")) as f:
            assert "/etc/srs/srs.conf" in f.read()
        subprocess.run(["dpkg-deb", "-x", package, t.path("root")], check=True, timeout=30)
        said = subprocess.run([t.path("root", "usr/bin/srs"), "-v"], capture_output=True, text=True, timeout=10).stdout
        with open(os.path.join(TOP, "trunk", "VERSION")) as f:
            number = f.read().split()[0]
        assert re.match(r"[0-9.+]+ \([0-9a-f]{8}, 20", said) and (number in said or os.path.exists(TOP + "/.git")), said
        if shutil.which("debootstrap") and os.geteuid() == 0:
            done = subprocess.run([os.path.join(TOP, "scripts", "packaging", "try-deb"), package], capture_output=True, text=True,
                                  timeout=400)
            assert done.returncode == 77 or done.returncode == 0 and "nothing is left" in done.stdout, done.stdout + done.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)
