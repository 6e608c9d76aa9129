"""Calls by SRT and says how that went, as a line of JSON: srt_caller.py PORT STREAM_ID [PASSPHRASE] [HOLD_SECONDS]

    {"connected": false, "reason": 1403, "words": "…", "lasted": 0}

`lasted`: seconds until the server closed the connection, when it is held; null while it is open at the end."""
import ctypes
import json
import socket
import struct
import sys
import time

STREAM_ID, PASSPHRASE, CONNECT_MS, BROKEN = 46, 26, 36, 6


def main(port, stream_id, passphrase="", hold="0"):
    lib = ctypes.CDLL("libsrt.so.1.5")
    lib.srt_rejectreason_str.restype = ctypes.c_char_p
    lib.srt_startup()
    lib.srt_setloglevel(0)
    s = lib.srt_create_socket()
    text = stream_id.encode("utf-8", "surrogateescape")
    lib.srt_setsockflag(s, STREAM_ID, text, len(text))
    if passphrase:
        lib.srt_setsockflag(s, PASSPHRASE, passphrase.encode(), len(passphrase))
    lib.srt_setsockflag(s, CONNECT_MS, struct.pack("i", 4000), 4)
    at = struct.pack("=H", socket.AF_INET) + struct.pack(">H", int(port)) + socket.inet_aton("127.0.0.1") + bytes(8)
    connected = lib.srt_connect(s, at, len(at)) == 0
    reason = 0 if connected else lib.srt_getrejectreason(s)
    began, lasted = time.monotonic(), None
    while connected and lasted is None and time.monotonic() - began < float(hold):
        if lib.srt_getsockstate(s) >= BROKEN:
            lasted = time.monotonic() - began
        time.sleep(0.01)
    print(json.dumps({"connected": connected, "reason": reason, "words": lib.srt_rejectreason_str(reason).decode(),
                      "lasted": lasted}))
    lib.srt_close(s)
    lib.srt_cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
