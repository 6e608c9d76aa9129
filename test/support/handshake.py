"""The RTMP handshake of both sides, plain and with digests (both schemas), as bytes to bytes."""
import hashlib
import hmac
import os
import struct

_TAIL = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
PLAYER_KEY = b"Genuine Adobe Flash Player 001" + _TAIL
SERVER_KEY = b"Genuine Adobe Flash Media Server 001" + _TAIL
SIZE = 1536


def _hmac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def digest_at(block, schema):
    """Where the 32 bytes of the digest stand: behind the key block (0) or before it (1)."""
    base = 772 if schema == 0 else 8
    return base + 4 + sum(block[base:base + 4]) % 728


def digest_of(block, schema, key):
    at = digest_at(block, schema)
    return _hmac(key, block[:at] + block[at + 32:])


def find_digest(block, key):
    """(schema, digest) of C1 (key = PLAYER_KEY[:30]) or S1 (SERVER_KEY[:36]), or (None, b"")."""
    for schema in (0, 1):
        at = digest_at(block, schema)
        if hmac.compare_digest(digest_of(block, schema, key), block[at:at + 32]):
            return schema, block[at:at + 32]
    return None, b""


def make_block(schema, version, key, stamp=0):
    """A C1 or S1; schema None gives the plain one with version 0."""
    block = bytearray(struct.pack(">II", stamp, version if schema is not None else 0))
    block += os.urandom(SIZE - 8)
    if schema is not None:
        at = digest_at(block, schema)
        block[at:at + 32] = digest_of(bytes(block), schema, key)
    return bytes(block)


def make_answer(peer_digest, key):
    """C2 or S2 of the digest handshake: random bytes signed with the peer's digest."""
    body = os.urandom(SIZE - 32)
    return body + _hmac(_hmac(key, peer_digest), body)


def answer_ok(answer, own_digest, key):
    return _hmac(_hmac(key, own_digest), answer[:-32]) == answer[-32:]


def client(conn, schema=1):
    """Plays the client on a Conn. Returns what the server was seen to do."""
    c1 = make_block(schema, 0x80000702, PLAYER_KEY[:30])
    conn.send_raw(b"\x03" + c1)
    s0 = conn.read_raw(1)[0]
    s1, s2 = conn.read_raw(SIZE), conn.read_raw(SIZE)
    found, digest = find_digest(s1, SERVER_KEY[:36])
    own = c1[digest_at(c1, schema):][:32] if schema is not None else b""
    conn.send_raw(make_answer(digest, PLAYER_KEY) if found is not None and own else s1)
    return {"s0": s0, "s1_version": s1[4:8], "schema": found, "echo": s2 == c1,
            "signed": bool(own) and answer_ok(s2, own, SERVER_KEY)}


def server(conn):
    """Plays the server as SRS does: digest with the client's schema, else plain."""
    if conn.read_raw(1) != b"\x03":
        raise ValueError("the first byte of the handshake is not 3")
    c1 = conn.read_raw(SIZE)
    schema, digest = find_digest(c1, PLAYER_KEY[:30])
    s1 = make_block(schema, 0x01000504, SERVER_KEY[:36])
    conn.send_raw(b"\x03" + s1 + (c1 if schema is None else make_answer(digest, SERVER_KEY)))
    conn.read_raw(SIZE)
    return schema
