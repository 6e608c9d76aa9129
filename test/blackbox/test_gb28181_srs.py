"""The facts of SRS's twelve cases of GB28181, with its own timeouts: a device that drops out at each step, and what it is asked next."""
import topology as top
from support import gb
from support.server import never, wait_for

# Of SRS's cases, and of those that wait longer than both together for nothing.
TIMES, SHORT_TIMES, QUIET_S = "timeout 2.1; reinvite 1.2;", "timeout 1.5; reinvite 0.5;", 2.5


def start(t, times=TIMES):
    return t.server("srs", top.conf(top=gb.CONF % ("", times)))


def never_invited(sip, before):
    """No further INVITE comes."""
    never(lambda: len(sip.invites()) > before, QUIET_S, "it was invited")


def invited_camera(t, s, n=0, **kw):
    camera = gb.Camera(t, s, hold=True, **kw)
    camera.sip.wait_invite(n + 1)
    return camera


def send(camera, n=1):
    camera.send(gb.Offer(camera.sip.invites()[n - 1]))
    return camera.media[-1]


def packs_sent(media, count, seconds=10):
    wait_for(lambda: media.sent >= count or media.failed, seconds, f"{count} packets")
    assert not media.failed, media.failed


def test_publish_regularly(t):
    """PublishRegularly: register, be invited, send."""
    s = start(t)
    camera = invited_camera(t, s)
    packs_sent(send(camera), 50)
    s.wait_live(camera.id)


def test_publish_regularly_h265(t):
    """PublishRegularlyH265: the same with HEVC."""
    s, packs = start(t), list(gb.ps.packs(gb.hevc_frames(t), video=gb.ps.HEVC, audio=0))
    camera = gb.Camera(t, s, hold=True)
    camera.media.append(gb.Media(gb.Offer(camera.sip.wait_invite()), packs))
    s.wait_live(camera.id, 10)
    wait_for(lambda: (s.stream(camera.id)["video"] or {}).get("codec") == "HEVC", 5, "the codec")


def test_session_handshake(t):
    """SessionHandshake: register, be invited, three keepalives, each answered."""
    s = start(t)
    camera = invited_camera(t, s)
    assert [camera.sip.keepalive().status for _ in range(3)] == [200] * 3


def test_the_connection_is_dropped_after_the_registration(t):
    """HandshakeDropRegisterOk: a second connection with the same id registers, and is invited."""
    s = start(t)
    first = t.keep(gb.Sip(s.sip))
    assert first.register().status == 200
    first.disconnect()
    second = gb.Camera(t, s, hold=True, user=first.user)
    second.sip.wait_invite()


def test_the_connection_is_dropped_at_the_invitation(t):
    """HandshakeDropInviteRequest: it registers again, and is invited again."""
    s = start(t)
    first = gb.Camera(t, s, status=None)
    first.sip.wait_invite()
    first.sip.disconnect()
    gb.Camera(t, s, hold=True, user=first.id).sip.wait_invite()


def test_the_connection_is_dropped_after_the_answer(t):
    """HandshakeDropInvite200Ack: no media; it registers again, and is invited again."""
    s = start(t)
    first = invited_camera(t, s)
    wait_for(lambda: any(m.method == "ACK" for m in first.sip.heard), 5, "the ACK")
    first.sip.disconnect()
    gb.Camera(t, s, hold=True, user=first.id).sip.wait_invite()


def test_media_and_signalling_end(t):
    """PublishMediaDisconnect: both connections close while it sends; it registers again, and is invited again."""
    s = start(t)
    first = invited_camera(t, s)
    packs_sent(send(first), 200)
    first.sip.disconnect()
    first.stop_media()
    second = gb.Camera(t, s, user=first.id)
    second.sip.wait_invite()
    wait_for(lambda: second.is_sending, 5, "media")
    assert not second.sip.byes()


def test_the_device_says_good_bye(t):
    """SessionBye: the BYE is answered, and the device is not invited again."""
    s = start(t, SHORT_TIMES)
    camera = invited_camera(t, s)
    assert camera.sip.bye().status == 200
    never_invited(camera.sip, 1)


def test_the_device_unregisters(t):
    """SessionUnregister: it is answered, and the device is not invited again."""
    s = start(t, SHORT_TIMES)
    camera = invited_camera(t, s)
    assert camera.sip.register(expires=0).status == 200
    never_invited(camera.sip, 1)
    assert not gb.api(s, camera.id)["online"]


def test_media_is_lost(t):
    """PublishReinvite: three packs, the end of both connections, a registration: it is invited."""
    s = start(t)
    first = invited_camera(t, s)
    packs_sent(send(first), 10)
    first.stop_media()
    first.sip.disconnect()
    gb.Camera(t, s, hold=True, user=first.id).sip.wait_invite()


def leaves_and_comes_back(t, leave):
    s = start(t, SHORT_TIMES)
    first = invited_camera(t, s)
    packs_sent(send(first), 30)
    leave(first.sip)
    first.stop_media()
    first.sip.disconnect()
    second = gb.Camera(t, s, hold=True, user=first.id)
    never_invited(second.sip, 0)


def test_a_good_bye_holds_for_a_while(t):
    """PublishBye: sends, says good-bye, connects and registers anew: it is not invited."""
    leaves_and_comes_back(t, lambda sip: sip.bye())


def test_unregistering_holds_for_a_while(t):
    """PublishUnregister: the same with the end of the registration."""
    leaves_and_comes_back(t, lambda sip: sip.register(expires=0))
