"""Servers of one idea: the server's side of one RTMP connection, granted but for what a case says."""
from . import handshake
from .rtmp import COMMAND, Command, Conn


def grant_connect(conn, c):
    conn.command("_result", c.tid, {"capabilities": 127}, {"level": "status", "code": "NetConnection.Connect.Success"})


def grant_stream(conn, c):
    conn.command("_result", c.tid, None, 1)


def converse(sock, **answers):
    """The server's side of one connection. connect and createStream are granted unless `answers` has something else to
    say, by the name of the command: answer(conn, command), true when the conversation is over."""
    answers = {"connect": grant_connect, "createStream": grant_stream, **answers}
    conn = Conn(sock, 5)
    handshake.server(conn)
    while True:
        m = conn.read()
        c = Command(m) if m.type == COMMAND else None
        if c and c.name in answers and answers[c.name](conn, c):
            return


def redirect(conn, to):
    """SRS's 302 to a stream x, and the end."""
    base = f"rtmp://127.0.0.1:{to}/live"
    conn.command("onStatus", 0, None, {"level": "error", "code": "NetConnection.Connect.Rejected",
                                       "description": "RTMP 302 Redirect",
                                       "ex": {"code": 302, "redirect": base, "redirect2": base + "/x"}}, csid=5)
    return True
