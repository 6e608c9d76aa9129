/* own_bytes - what one receiver alone gets, before the next shared bytes: headers, primers, answers of
 * its conversation. Layer: live, a part of a cursor.
 *
 * When something must follow a message that was begun and that is not what follows in the wire, the
 * tail of that message stands among these bytes. It is not copied: it may be large, and receivers
 * many. It lies in a page that is held for it. */
#pragma once
#include "base/buf.h"

#include <stdint.h>

struct iovec;
struct page;

struct own_bytes {
	struct buf buf;
	size_t sent;    /* of buf */
	size_t counted; /* as media memory, see own_count_media() */
	struct {
		struct page *page; /* NULL: no tail */
		uint32_t off, end;
		size_t at; /* it stands behind so many bytes of buf */
	} held_tail;
	size_t answers, restated; /* asked for by the receiver, since nothing was pending */
	bool overrun;
};

/* Pieces that are to be sent, and room for more. */
struct iov_list {
	struct iovec *iov;
	int n, max;
	size_t left;
};
void iov_put(struct iov_list *g, uint8_t *p, size_t n);

void own_init(struct own_bytes *o);
void own_fini(struct own_bytes *o);
/* The receiver has asked for far more than it takes: it gets nothing any more. */
void own_cut_off(struct own_bytes *o);
/* To be called behind each row of writes to o->buf: it may not hold all that was written. */
void own_check(struct own_bytes *o);
/* Puts the tail of a message, [off, end) of the page, behind what is there. There must be none yet. */
void own_hold_tail(struct own_bytes *o, struct page *page, uint32_t off, uint32_t end);
/* Bytes of the receiver's own conversation. */
void own_put_answer(struct own_bytes *o, struct span bytes);
/* What was written is media, as much as a stream for one receiver alone: media memory (codec/media_memory.h) until all
 * of it has been sent. */
void own_count_media(struct own_bytes *o);
/* So many bytes, which were written, are headers that the receiver has asked for again. */
void own_charge_headers(struct own_bytes *o, size_t n);
void own_gather(const struct own_bytes *o, struct iov_list *g);
/* Up to n bytes were sent; returns how many of the n were not of these. */
size_t own_advance(struct own_bytes *o, size_t n);

static inline bool own_pending(const struct own_bytes *o)
{
	return o->held_tail.page || o->buf.n > o->sent;
}
