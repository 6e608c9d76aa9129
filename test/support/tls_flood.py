"""A client of TLS that sends what OpenSSL's own programs never do. As a program: tls_flood.py PORT SECONDS; it prints
how many new keys it has sent and how that ended. It uses the library itself, since Python's ssl does not reach so far."""
import ctypes
import socket
import sys
import time

P = ctypes.c_void_p
UPDATE_NOT_REQUESTED = 0


def library():
    lib = ctypes.CDLL("libssl.so.3")
    for name, result, args in (("TLS_client_method", P, []), ("SSL_CTX_new", P, [P]), ("SSL_new", P, [P]),
                               ("SSL_set_fd", ctypes.c_int, [P, ctypes.c_int]), ("SSL_connect", ctypes.c_int, [P]),
                               ("SSL_key_update", ctypes.c_int, [P, ctypes.c_int]), ("SSL_do_handshake", ctypes.c_int, [P])):
        f = getattr(lib, name)
        f.restype, f.argtypes = result, args
    return lib


def main(port, seconds):
    lib = library()
    sock = socket.create_connection(("127.0.0.1", int(port)), 10)
    sock.settimeout(None)
    ctx = lib.SSL_CTX_new(lib.TLS_client_method())
    ssl = lib.SSL_new(ctx)
    lib.SSL_set_fd(ssl, sock.fileno())
    if lib.SSL_connect(ssl) != 1:
        raise SystemExit("the handshake failed")
    sent, end = 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        if lib.SSL_key_update(ssl, UPDATE_NOT_REQUESTED) != 1 or lib.SSL_do_handshake(ssl) != 1:
            print(f"ended {sent}", flush=True)
            return
        sent += 1
    print(f"went on {sent}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
