"""The page in the program and the outputs that it plays, in a real browser."""
import topology as top
from support.browser import ScriptError


def test_browser_runs_scripts_and_ends(t):
    """The tests' browser opens a page, runs scripts, takes pictures, knows its formats, and leaves nothing behind."""
    s = t.server("srs", top.local())
    page = t.browser()
    page.open(s.web("/api/v1/versions"))
    assert page.run("return document.body.innerText.slice(0, 9) + arguments[0]", "!") == '{"code":0!'
    assert page.run_async("return (await fetch('/api/v1/versions')).status") == 200
    page.look(390, 844, dark=True, phone=True)
    assert page.run("return [screen.width, matchMedia('(prefers-color-scheme: dark)').matches]") == [390, True]
    with open(page.screenshot(t.path("page.png")), "rb") as f:
        assert f.read(8) == b"\x89PNG\r\n\x1a\n"
    try:
        raise AssertionError(page.run_async("throw new Error('on purpose')"))
    except ScriptError as e:
        assert "on purpose" in str(e)
    for codecs in ("avc1.64001f, mp4a.40.2", "av01.0.04M.08, opus"):
        assert page.run("return MediaSource.isTypeSupported(`video/mp4; codecs=\"${arguments[0]}\"`)", codecs), codecs
    page.close()
    assert page._left() == []
