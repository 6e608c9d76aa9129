/* wire - the recent messages of a source as bytes ready to send, made once per format. Layer: live.
 *
 * A wire is a list of pages. A page holds whole messages one after another, as every receiver of
 * that format may get them, and an index of where each begins. A cursor is a position in it. For
 * RTMP the shared bytes carry time as deltas (chunk type 1), so a receiver must first be *primed*
 * on each chunk stream by a private type 0 header; the bytes that follow it are shared again:
 *
 *   page:     [h1 payload][h1 payload][h1 payload] …      h1: type 1 header, shared
 *   receiver:  h0 payload  h0 payload [h1 payload] …      h0: private; one per chunk stream
 *
 * Pages live as long as they are needed: back to the newest key frame, and to the slowest cursor
 * that is still within the limit. A cursor beyond it is moved to the newest key frame. */
#pragma once
#include "codec/msg.h"
#include "live/headers.h"

struct iovec;
struct wire;
struct page;
struct cursor;

enum wire_format { WIRE_RTMP, WIRE_FLV };
enum { WIRE_AUDIO = 1, WIRE_VIDEO = 2, WIRE_DATA = 4, WIRE_ALL = 7 };

static inline uint8_t wire_kind(const struct msg *m)
{
	return m->type == MSG_AUDIO ? WIRE_AUDIO : m->type == MSG_VIDEO ? WIRE_VIDEO : WIRE_DATA;
}

struct wire_opts {
	enum wire_format format;
	uint32_t chunk_size; /* RTMP: of the shared bytes */
	int64_t backlog_ms;  /* a cursor further behind is moved */
};

struct wire *wire_new(const struct wire_opts *opts);
/* All cursors must have left. */
void wire_free(struct wire **wire);
int wire_cursors(const struct wire *wire);
size_t wire_bytes(const struct wire *wire); /* memory held */

/* Appends a message (ts on the source's timeline). `starts_gop`: cursors may start here, with
 * these headers. now_ms bounds how long a page is kept for slow cursors. */
void wire_append(struct wire *wire, const struct msg *msg, bool starts_gop, struct headers *headers,
		 int64_t now_ms);
/* No cursor may start at the last key frame any more. */
void wire_forget_gop(struct wire *wire);
/* The time axis breaks before the next message: every cursor is primed anew. */
void wire_break(struct wire *wire);

/* A receiver's position. Zeroed, then cursor_open(). */
struct cursor {
	struct wire *wire;
	struct page *page;
	struct cursor *prev, *next; /* on the page */
	uint32_t off;               /* next byte of the page */
	uint32_t run_end;           /* shared bytes up to here may be sent as they are */
	uint32_t stream_id;         /* RTMP message stream of this receiver */
	uint8_t want, primed;       /* WIRE_ bits */
	bool await_key;             /* video only from the next key frame on */
	bool own_base;              /* times start near 0 for this receiver */
	bool based, paused;
	int64_t base;    /* subtracted from the source's times */
	struct buf priv; /* private bytes that go before the shared ones */
	size_t priv_off;
	/* The rest of a message that was begun, when something must follow it that is not what follows
	 * in the wire. It lies in a page that is held for it: it may be large, and receivers many. */
	struct {
		struct page *page;
		uint32_t off, end;
		size_t at; /* behind so many of the private bytes */
	} rest;
	size_t injected;         /* of the conversation, since nothing private was pending */
	size_t restated;         /* headers that were asked for again, likewise */
	uint32_t skips;          /* times it was moved because it was too slow */
	struct headers *headers; /* what the receiver was last given */
};

/* Before cursor_open(): bytes that go out first, before the headers. */
void cursor_prepend(struct cursor *c, struct span bytes);
/* Puts the cursor at the newest key frame if there is one it may start at, else at the end. The
 * headers in effect there are put into the private bytes. */
void cursor_open(struct cursor *c, struct wire *wire, uint32_t stream_id, bool own_base,
		 bool from_gop, bool has_video, struct headers *headers);
void cursor_close(struct cursor *c);
/* Points iov at what comes next, at most max_bytes; 0 when there is nothing. Valid until the next
 * call of anything here or a coroutine switch. */
int cursor_gather(struct cursor *c, struct iovec *iov, int max, size_t max_bytes);
/* That many of the gathered bytes were sent. */
void cursor_advance(struct cursor *c, size_t n);
bool cursor_pending(const struct cursor *c);
/* Bytes of the receiver's own conversation: they go out next, but between whole messages. */
void cursor_inject(struct cursor *c, struct span bytes);
/* The receiver has asked for far more answers than it takes: nothing is sent to it any more, and
 * the connection must be closed. */
bool cursor_overrun(const struct cursor *c);
/* Which kinds the receiver wants (WIRE_ bits). */
void cursor_want(struct cursor *c, uint8_t want);
/* Paused: only private bytes. Going on starts at the newest key frame, unless the receiver had
 * come past it: then where it stood. */
void cursor_pause(struct cursor *c, bool paused);
/* How far it is behind, in milliseconds of the stream. */
int64_t cursor_lag(const struct cursor *c);
