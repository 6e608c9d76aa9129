"""Players over HLS as clients: the master playlist, sessions, hooks, and how one ends."""
import subprocess
import urllib.parse

import topology as top
from support import case, hls, httpc
from support.hookserver import HookServer
from support.server import wait_for

BLOCK = "hls {{ enabled on; hls_path ./objs/nginx/html; hls_fragment 1; hls_window {window}; {more} }} {vhost}"


def start(t, more="", window=30, vhost="", name="srs"):
    s = t.server(name, top.conf(BLOCK.format(window=window, more=more, vhost=vhost)))
    t.publish(s.url("live/a"), t.media(10, gop=1.0), speed=4, burst=1000)
    hls.wait_master(s.web("/live/a.m3u8"))
    return s


def players(s):
    return [c for c in s.json("/api/v1/clients/")["clients"] if c["type"] == "hls-play"]


def session_of(url):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["hls_ctx"][0]


def drop_all(s):
    """The sessions that waiting for the stream has made."""
    for c in players(s):
        assert s.json(f"/api/v1/clients/{c['id']}", "DELETE")["code"] == 0
    wait_for(lambda: not players(s), 5, "no players")


def test_a_player_gets_a_session_of_its_own(t):
    """A playlist without a session is a master playlist that names one; its segments carry it, their bytes are counted, and the player is a client."""
    s = start(t)
    drop_all(s)
    master = httpc.fetch(s.web("/live/a.m3u8?u=1")).content.decode()
    lines = master.split("\n")
    assert lines[0] == "#EXTM3U" and lines[1].startswith("#EXT-X-STREAM-INF:BANDWIDTH="), master
    assert 'CODECS="avc1.' in lines[1] and ',mp4a.40.2"' in lines[1] and "RESOLUTION=" in lines[1], master
    assert lines[2].startswith("/live/a.m3u8?hls_ctx=") and lines[2].endswith("&u=1"), master
    child = s.web(lines[2])
    session = session_of(child)
    found = hls.fetch_list(child)
    assert all(x.uri.endswith(f".ts?hls_ctx={session}") for x in found.segments), found.text
    whole = hls.fetch(urllib.parse.urljoin(child, found.segments[0].uri))
    wait_for(lambda: len(players(s)) == 1, 5, "one player")
    c = players(s)[0]
    assert c["id"] == session and c["ip"] == "127.0.0.1" and c["send_bytes"] >= len(whole), c
    assert s.json("/api/v1/streams/")["streams"][0]["clients"] == 2
    assert session_of(hls.master(s.web("/live/a.m3u8"))) != session


def test_a_session_that_is_ended_stays_ended(t):
    """A player that the API ends gets 404 for its session from then on; another session is another player."""
    s = start(t)
    child = hls.master(s.web("/live/a.m3u8"))
    found = hls.fetch_list(child)
    assert s.json(f"/api/v1/clients/{session_of(child)}", "DELETE")["code"] == 0
    assert hls.fetch_list(child) is None
    assert httpc.fetch(urllib.parse.urljoin(child, found.segments[0].uri)).status == 404
    wait_for(lambda: session_of(child) not in [c["id"] for c in players(s)], 5, "its end")
    assert hls.fetch_list(hls.master(s.web("/live/a.m3u8")))


def test_hooks_hear_of_sessions(t):
    """on_play is asked once for a session and may refuse it; on_stop follows when nothing was asked for twice the window."""
    h = HookServer(say=lambda said: (200, '{"code":1,"reason":"no"}' if said["param"] == "?no=1" else "0"))
    t.keep(h)
    text = f"http_hooks {{ enabled on; on_play {h.url('/p')}; on_stop {h.url('/s')}; }}"
    s = start(t, window=1, vhost=text)
    child = hls.master(s.web("/live/a.m3u8?x=2"))
    session = session_of(child)
    for _ in range(3):
        assert hls.fetch_list(child)
    refused = httpc.fetch(s.web("/live/a.m3u8?no=1"))
    assert refused.status == 403 and b"no" in refused.content
    mine = [x for x in h.of("on_play") if x["client_id"] == session]
    assert len(mine) == 1 and mine[0]["param"] == "?x=2" and mine[0]["stream"] == "a", mine
    assert mine[0]["tcUrl"].endswith("/live") and mine[0]["ip"] == "127.0.0.1"
    stopped = wait_for(lambda: [x for x in h.of("on_stop") if x["client_id"] == session], 10, "on_stop")
    assert stopped[0]["param"] == "?x=2"


def test_one_id_for_two_streams_at_once(t):
    """Requests that bring one session for two streams, while web services are asked, become two clients; both leave."""
    h = t.keep(HookServer())
    s = start(t, window=1, vhost=f"http_hooks {{ enabled on; on_play {h.url('/p')}; on_stop {h.url('/s')}; }}")
    t.publish(s.url("live/b"), t.media(10, gop=1.0), speed=4, burst=1000)
    hls.wait_master(s.web("/live/b.m3u8"))
    drop_all(s)
    h.delay = 0.5
    asked = [httpc.Response(s.web(f"/live/{name}.m3u8?hls_ctx=0a1b2c3d"), head=False) for name in "ab"]
    for r in asked:
        assert r.read_head().status == 200
    found = players(s)
    assert len({c["id"] for c in found}) == 2 and len({c["stream"] for c in found}) == 2, found
    h.delay = 0
    for c in found:
        assert httpc.fetch(s.web(f"/live/{c['name']}.m3u8?hls_ctx={c['id']}")).status == 200
    wait_for(lambda: {c["id"] for c in found} <= {x["client_id"] for x in h.of("on_stop")}, 10, "on_stop of both")
    assert not players(s)


def test_players_stop_with_the_server(t):
    """on_stop is told for players that are there when the server ends."""
    h = t.keep(HookServer())
    s = start(t, vhost=f"http_hooks {{ enabled on; on_stop {h.url('/s')}; }}")
    session = session_of(hls.master(s.web("/live/a.m3u8")))
    s.stop()
    assert session in [x["client_id"] for x in h.of("on_stop")]


def test_sessions_without_their_segments(t):
    """hls_ts_ctx off leaves the names of segments alone; the path of the master playlist may be relative."""
    s = start(t, "hls_ts_ctx off; hls_master_m3u8_path_relative on;")
    text = httpc.fetch(s.web("/live/a.m3u8")).content.decode()
    assert text.split("\n")[2].startswith("a.m3u8?hls_ctx="), text
    found = hls.fetch_list(hls.master(s.web("/live/a.m3u8")))
    assert all(x.uri.endswith(".ts") for x in found.segments), found.text


def test_a_session_from_another_server_goes_on(t):
    """A player that comes with a session which is not known here is a client under that id; nobody gets another one's."""
    s = start(t)
    child = s.web("/live/a.m3u8?hls_ctx=0a1b2c3d")
    assert hls.fetch_list(child).segments
    assert "0a1b2c3d" in [c["id"] for c in players(s)]
    text = httpc.fetch(s.web("/live/a.m3u8?hls_ctx=%22%0a")).content.decode()
    assert "#EXT-X-STREAM-INF" in text


@case.limit(90)
def test_ffmpeg_plays_by_a_session(t):
    """ffmpeg follows the master playlist, and is one client."""
    s = start(t)
    drop_all(s)
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", s.web("/live/a.m3u8"), "-t", "2", "-c", "copy", "-f", "null",
                           "-"], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(players(s)) == 1


def test_a_url_is_fetched_for_each_segment(t):
    """on_hls_notify fetches a URL with the segment's path in it."""
    h = t.keep(HookServer())
    start(t, vhost=f"http_hooks {{ enabled on; on_hls_notify {h.url('/warm')}?f=[ts_url]&s=[stream]; }}")
    wait_for(lambda: any("f=live/a-" in p and p.endswith(".ts&s=a") for p in h.fetched), 10, "a fetch")


def test_memory_that_is_short(t):
    """Segments that do not fit into max_memory are read from their files, and a line says so."""
    s = t.server("srs", top.conf(BLOCK.format(window=60, more="hls_ctx off;", vhost=""), top="max_memory 12;"))
    t.publish(s.url("live/a"), t.media(20, gop=1.0, rate="6000k", size="1280x720"), speed=4, burst=1000)
    found = hls.wait_list(s.web("/live/a.m3u8"), 12, 30)
    wait_for(lambda: "media memory is short" in s.log(), 10, "the line")
    for x in found.segments:
        assert len(hls.fetch(urllib.parse.urljoin(s.web("/live/a.m3u8"), x.uri))) > 1000, x.uri
