/* handshake - RTMP's, plain and with digest (both schemas). Layer: rtmp. Uses OpenSSL's HMAC. */
#pragma once
#include "net/sock.h"

/* Reads C0 C1, answers S0 S1 S2, reads C2. A client that proves a digest gets a valid one (same
 * schema), any other the plain answer. `first` bytes that were read already come first; what the
 * client sent behind C2 stays in the socket. sock->deadline bounds all of it. */
err handshake_server(struct sock *sock) BLOCKS;
/* As a client: digest schema 1, so that servers which insist are satisfied; accepts any answer. */
err handshake_client(struct sock *sock) BLOCKS;
