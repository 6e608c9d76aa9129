/* cursor - a receiver's position in the bytes of a wire (live/wire.h). Layer: live.
 * It says what goes out next, and knows nothing of sockets: gather, send, advance. Nothing blocks. */
#pragma once
#include "live/own_bytes.h"
#include "live/place.h"
#include "live/wire_format.h"

struct headers;
struct wire;

struct cursor_opts {
	const struct wire_format *format;
	uint32_t stream_id; /* RTMP message stream of this receiver */
	bool own_base;      /* this receiver's times start near 0, where the format can say so */
	bool from_start; /* begins at the newest start that is kept, else with the next key frame */
	/* With from_start, another server that has had the stream until then (monotonic) from somewhere else: it
	 * begins at the newest start that came before, if there is one. 0: it is new to the stream. */
	int64_t until_ms;
	bool for_server; /* of ours, which takes the twin of the sound and the encoder's times too */
	struct span first;    /* bytes that go out before anything of the wire */
	struct headers *told; /* that it is given among them; NULL */
};

/* Zeroed before it is opened. */
struct cursor {
	struct wire *wire;
	struct place at;
	uint32_t run_end; /* shared bytes up to here may be sent as they are */
	uint32_t stream_id;
	uint8_t want;    /* WIRE_ bits */
	uint16_t primed; /* chains that the receiver can follow, by bit */
	bool own_base;   /* times start near 0 for this receiver */
	bool for_server; /* gets what is for servers too; of sound its twin */
	bool based, paused;
	bool has_sent;      /* some of the stream, beyond what was made for this receiver */
	uint32_t skips;     /* times it was moved because it was too slow */
	int64_t key_due_ms; /* video only from the next key frame on, or from then on; 0: all */
	int64_t base;       /* subtracted from the source's times */
	struct own_bytes own;
	struct headers *headers; /* what the receiver was last given */
};

/* Puts the cursor at the newest start if there is one and it may begin there, else at the end. The
 * headers in effect there go out first; `headers` are those at the end of a wire that has none yet.
 * `await_key`: there are pictures, and at the end the next key frame is to be waited for. */
void cursor_open(struct cursor *c, struct wire *wire, const struct cursor_opts *opts,
		 bool await_key, struct headers *headers);
/* Zeroed memory is fine, and is what it leaves. The last cursor takes the wire of a source along. */
void cursor_close(struct cursor *c);
/* Points iov at what comes next, at most max_bytes; 0 when there is nothing. Valid until the next
 * call of anything here or a coroutine switch. */
int cursor_gather(struct cursor *c, struct iovec *iov, int max, size_t max_bytes);
/* n of the gathered bytes were sent. */
void cursor_advance(struct cursor *c, size_t n);
bool cursor_pending(const struct cursor *c);
/* Bytes of the receiver's own conversation: they go out next, but between whole messages. */
void cursor_inject(struct cursor *c, struct span bytes);
/* The receiver has asked for far more answers than it takes: nothing is sent to it any more, and
 * the connection must be closed. */
bool cursor_overrun(const struct cursor *c);
/* Which kinds the receiver wants (WIRE_ bits of WIRE_ALL). */
void cursor_want(struct cursor *c, uint8_t want);
/* Paused: only bytes of its own. Going on starts at the newest start, unless the receiver had
 * come past it: then where it stood. */
void cursor_pause(struct cursor *c, bool paused);
/* How far it is behind, in milliseconds of the stream. */
int64_t cursor_lag(const struct cursor *c);
