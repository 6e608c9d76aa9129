/* websocket - the server's side of RFC 6455 for one that only sends: the handshake, heads of frames, and
 * what clients say, which is answered and otherwise dropped. Layer: http. */
#pragma once
#include "http/http.h"

enum websocket_asked {
	WEBSOCKET_NOT, /* an ordinary request */
	WEBSOCKET_GOOD,
	WEBSOCKET_VERSION, /* of another version than 13: 426 */
	WEBSOCKET_BAD,     /* no key: 400 */
};
enum websocket_asked websocket_asked(const struct http_message *request);
/* The head of the answer to a good one; `extra` is whole header lines. */
void websocket_write_head(struct buf *b, const struct http_message *request, const char *extra);

enum { WEBSOCKET_HEAD_MAX = 10, WEBSOCKET_CONTROL_MAX = 125, WEBSOCKET_MESSAGE_MAX = 4096 };
enum { WEBSOCKET_BINARY = 2, WEBSOCKET_CLOSE = 8, WEBSOCKET_PING = 9, WEBSOCKET_PONG = 10 };
/* Why a connection ends (7.4.1). */
enum { WEBSOCKET_DONE = 1000, WEBSOCKET_PROTOCOL = 1002 };

/* The head of a whole frame with n bytes; returns its size. */
size_t websocket_head(uint8_t out[static WEBSOCKET_HEAD_MAX], unsigned opcode, uint64_t n);
/* A close frame with that reason. */
void websocket_write_close(struct buf *b, uint16_t why);

/* The reader of a client's frames, in zeroed memory. */
struct websocket_reader {
	uint8_t head[14]; /* of the frame that is being read, with its mask */
	unsigned head_n;
	uint64_t left; /* of its payload */
	uint8_t control[WEBSOCKET_CONTROL_MAX];
	unsigned control_n;
};
/* Takes bytes in; answers to pings and to a close are appended as frames. ERR_CLOSED: the client has
 * closed; ERR_PROTOCOL and ERR_LIMIT: it breaks the rules. */
err websocket_read(struct websocket_reader *r, struct span bytes, struct buf *answers);
