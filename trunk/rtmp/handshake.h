/* handshake - RTMP's, plain and with digest (both schemas). Layer: rtmp. Uses OpenSSL's HMAC.
 * Reads exactly its own bytes: what the peer sent behind them stays in the socket.
 * the socket's deadline bounds all of it. */
#pragma once
#include "base/buf.h"
#include "net/sock.h"

/* Reads C0 C1 (behind a proxy's prefix, if there is one), answers S0 S1 S2, reads C2. A client
 * that proves a digest gets a valid one (same schema), any other the plain answer. */
err handshake_server(struct sock *sock) BLOCKS;
/* As a client: digest schema 1, so that servers which insist are satisfied; accepts any answer.
 * C2 is appended to `out` and not sent, so that it travels with the first command. */
err handshake_client(struct sock *sock, struct buf *out) BLOCKS;
