/* flv_chunks - HTTP/1.1 chunks, or frames of WebSocket, around bytes that many receivers share.
 * Layer: service.
 *
 * A chunk announces its size before its bytes, and a socket may take any part of them: so exactly
 * the gathered bytes are announced, and until they are sent nothing more is gathered than what is
 * left of them. Which bytes fill a chunk does not matter. */
#pragma once
#include "base/buf.h"
#include <sys/uio.h>

enum chunks_mode { CHUNKS_NONE, CHUNKS_HTTP, CHUNKS_WEBSOCKET };

/* Members that each send touches stand in front. */
struct chunks {
	size_t left;               /* shared bytes announced and not yet sent */
	enum chunks_mode mode : 8; /* NONE: the bytes go out as they are */
	unsigned char tail;        /* bytes of the CRLF behind them not yet sent */
	unsigned char at, end;     /* of the announcement, what is not yet sent */
	char announcement[24];     /* CRLF, a size, CRLF */
	struct buf own;            /* bytes of this receiver alone, in front of all that */
	size_t own_at;
};
enum { CHUNKS_FRONT = 2 }; /* pieces in front of those that were gathered */

void chunks_init(struct chunks *c);
void chunks_fini(struct chunks *c);
/* Bytes in front of everything, as they are: the head of the answer, before any chunk; whole frames of
 * WebSocket, when chunks_is_open() says no. */
void chunks_put_raw(struct chunks *c, struct span bytes);
/* A chunk of this receiver's own. Only when chunks_is_open() says no. */
void chunks_put(struct chunks *c, struct span bytes);
/* The chunk that ends the body, and whole header lines behind it; likewise. */
void chunks_end(struct chunks *c, const char *trailer);
/* A chunk was announced whose bytes are not all sent. */
bool chunks_is_open(const struct chunks *c);
/* How many bytes may be gathered for the next send, at most max. */
size_t chunks_room(const struct chunks *c, size_t max);
/* n pieces from iov[CHUNKS_FRONT] on hold the gathered bytes; those in front and one behind are
 * filled in. Returns how many are to be sent in all, 0 when there is nothing. */
int chunks_frame(struct chunks *c, struct iovec *iov, int n);
/* Takes note of n bytes sent; returns how many of them were gathered ones. */
size_t chunks_sent(struct chunks *c, size_t n);
