"""OBS Studio without a screen: a profile that streams to one server, started with it."""
import json
import os
import shutil

from .case import Skip
from .server import free_port, wait_for

GLOBAL = """[General]
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false
InfoIncrement=99
[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test
"""
BASIC = """[General]
Name=Test
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSCommon=30
[Output]
Mode=Simple
Reconnect=false
[SimpleOutput]
StreamEncoder=x264
VBitrate=300
ABitrate=64
UseAdvanced=true
Preset=ultrafast
"""

# Without a file of scenes OBS makes one, and forgets what it was started for.
SCENES = {"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene", "scene_order": [{"name": "Scene"}],
          "sources": [{"id": "scene", "name": "Scene", "settings": {"custom_size": False, "id_counter": 0, "items": []}}]}


def need(t):
    for tool in ("obs", "Xvfb", "unshare"):
        t.need(tool)
    if os.getuid() != 0:
        raise Skip("OBS believes the authorities of the system alone: only root can show it others")


def start(t, url, key, ca):
    """OBS, streaming to that URL; it believes the certificate in the file `ca` beside those of the system."""
    home = t.path("home")
    config = os.path.join(home, ".config", "obs-studio")
    profile = os.path.join(config, "basic", "profiles", "Test")
    for folder in (profile, os.path.join(config, "basic", "scenes"), os.path.join(home, "run")):
        os.makedirs(folder)
    os.chmod(os.path.join(home, "run"), 0o700)
    for path, text in ((os.path.join(config, "global.ini"), GLOBAL), (os.path.join(profile, "basic.ini"), BASIC),
                       (os.path.join(profile, "service.json"), json.dumps(
                           {"type": "rtmp_custom", "settings": {"server": url, "key": key, "use_auth": False, "bwtest": False}})),
                       (os.path.join(config, "basic", "scenes", "Test.json"), json.dumps(SCENES))):
        with open(path, "w") as f:
            f.write(text)
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    with open(os.path.join(home, "ca.crt"), "w") as out:
        for path in (bundle, ca):
            with open(path) as f:
                shutil.copyfileobj(f, out)
    display = screen(t)
    env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": os.path.join(home, ".config"), "XDG_RUNTIME_DIR": os.path.join(home, "run"),
           "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb"}
    # A mount that only this process and its children see.
    command = f"mount --bind {home}/ca.crt {bundle} && exec obs --multi --startstreaming --disable-updater --minimize-to-tray"
    return t.spawn(["env", *(f"{k}={v}" for k, v in env.items() if k not in os.environ or os.environ[k] != v),
                    "unshare", "-m", "sh", "-c", command], "obs")


def screen(t):
    """A screen that nobody sees; its name."""
    number = free_port() % 1000 + 100
    t.spawn(["Xvfb", f":{number}", "-screen", "0", "800x600x24", "-nolisten", "tcp", "+extension", "GLX"], "xvfb")
    wait_for(lambda: os.path.exists(f"/tmp/.X11-unix/X{number}"), 10, "the screen")
    return f":{number}"

